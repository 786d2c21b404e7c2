package op

var TokenShift = tokenShift
