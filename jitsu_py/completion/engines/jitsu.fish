# fish completion of jitsu. @NOTE@

function __jitsu_verbs
    switch $argv[1]
@VERBS@
    end
end

function __jitsu_aliases
    switch $argv[1]
@ALIASES@
    end
end

function __jitsu_flags
    switch $argv[1]
@FLAGS@
    end
    printf '%s\n' @GLOBAL@
end

# Flags with a value: FLAG=KIND.
function __jitsu_takes
    switch $argv[1]
@TAKEN@
    end
    printf '%s\n' @TAKES@
end

function __jitsu_arguments
    switch $argv[1]
@ARGUMENTS@
    end
end

# The command that the word $argv[2] names below the command $argv[1]; false where it names none.
function __jitsu_step
    switch "$argv[1]/$argv[2]"
@STEP@
        case '*'
            return 1
    end
end

# What the value of the flag $argv[2] of the command $argv[1] is; false where it takes none.
function __jitsu_value
    set -l flag (string escape --style=regex -- $argv[2])
    __jitsu_takes $argv[1] | string replace -rf -- "^$flag=" ''
end

# Words of the kind $argv[1] for the word $argv[2], behind the words $argv[3..].
function __jitsu_kind
    switch $argv[1]
        case '' free
        case files
            __fish_complete_path $argv[2]
        case dirs
            __fish_complete_directories $argv[2] ''
        case 'one-of:*'
            string replace 'one-of:' '' -- $argv[1] | string split '|'
        case '*'
            set -l program $argv[3]
            command -q $program; or set program jitsu
            command $program completion fish --names $argv[1] -- $argv[4..-1] 2>/dev/null </dev/null
    end
end

function __jitsu_complete
    set -l given (commandline -opc)
    set -l current (commandline -ct | string unescape)
    set -l here ''
    set -l kind ''
    set -l ended ''
    set -l helping ''
    set -l count 1
    set -l verbs
    set -l found
    for word in $given[2..-1]
        if test -n "$kind"
            set kind ''
        else if test -z "$ended" -a "$word" = --
            set ended 1
        else if test -z "$ended"; and string match -qr -- '^-.' $word
            set kind (__jitsu_value "$here" $word)
        else if test -z "$here" -a "$word" = help
            set helping 1
        else if set found (__jitsu_step "$here" "$word")
            set here $found
        else
            set count (math $count + 1)
        end
    end
    set verbs (__jitsu_verbs "$here")
    if test -n "$kind"
        __jitsu_kind $kind $current $given
    else if test -z "$ended"; and string match -qr -- '^--[^=]+=' $current
        set -l parts (string split -m 1 = -- $current)
        __jitsu_kind (__jitsu_value "$here" $parts[1]) $parts[2] $given | string replace -r '^' -- $parts[1]=
    else if test -z "$ended"; and string match -q -- '-*' $current
        __jitsu_flags "$here"
    else if test $count = 1 -a -n "$verbs"
        string match -q -- "$current*" $verbs; and printf '%s\n' $verbs; or __jitsu_aliases "$here"
    else if test -z "$helping"
        set -l kinds (__jitsu_arguments "$here")
        set -q kinds[$count]; or set count -1
        set -q kinds[1]; or return
        string match -q -- '*...' $kinds[$count]; or test $count -gt 0; or return
        __jitsu_kind (string replace ... '' -- $kinds[$count]) $current $given
    end
end

complete -c jitsu -f -a '(__jitsu_complete)'
