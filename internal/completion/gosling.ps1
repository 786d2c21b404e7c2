# PowerShell completion for gosling: gosling completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName gosling -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
    if ($wordToComplete -eq '') { $words += '""' }
    & $commandAst.CommandElements[0].ToString() __complete @words 2>$null | Where-Object { $_ -ne ':files' } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }
}
