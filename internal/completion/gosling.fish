# fish completion for gosling: gosling completion fish > ~/.config/fish/completions/gosling.fish
function __gosling_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found ($words[1] __complete $words[2..-1] 2>/dev/null)
    if test "$found[-1]" = :files
        printf '%s\n' $found[1..-2]
        __fish_complete_path (commandline -ct)
    else if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c gosling -f -a '(__gosling_complete)'
