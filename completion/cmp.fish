# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion of cmp: the program itself says what may follow (cmp __complete).
function __cmp_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l lines ($words[1] __complete -- $words[2..-1] 2>/dev/null)
    or begin
        __fish_complete_path (commandline -ct)
        return
    end
    for line in $lines
        switch $line
            case :files
                __fish_complete_path (commandline -ct)
            case :dirs
                __fish_complete_directories (commandline -ct)
            case :nospace
            case '*'
                echo $line
        end
    end
end
complete -c cmp -e
complete -c cmp -f -a '(__cmp_complete)'
