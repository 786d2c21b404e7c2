package collect

// FitsDisk is fitsDisk, for its test.
var FitsDisk = fitsDisk
