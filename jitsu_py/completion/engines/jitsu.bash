# bash completion of jitsu, for bash 3.2 and newer. @NOTE@

# Sets verbs, aliases, flags (FLAG or FLAG=KIND) and arguments (KINDS) of the command that the words $1 name.
__jitsu_at() {
    verbs='' aliases='' flags='' arguments=''
    case $1 in
@AT@
    esac
}

# Sets `here` to the command that the word $2 names below the command $1.
__jitsu_step() {
    case "$1/$2" in
@STEP@
    *) return 1 ;;
    esac
}

__jitsu_flags='@GLOBAL@'

# Parts the line $1 into `words`, quotes taken off, and the last word: `current`, as typed `raw`, inside which
# `quote`, and `before`: how much of it readline leaves alone because it takes a break character for its end.
__jitsu_split() {
    local line=$1 char next i breaks=${COMP_WORDBREAKS//[\"\'[:space:]]/}
    words=() current='' raw='' quote='' before=''
    for (( i = 0; i < ${#line}; i++ )); do
        char=${line:i:1} next=${line:i+1:1}
        if [[ -z $quote && $char == [[:space:]] ]]; then
            [[ -n $raw ]] && words+=("$current")
            current='' raw='' before=''
            continue
        fi
        raw+=$char
        if [[ $quote == "$char" ]]; then
            quote=''
        elif [[ -z $quote && $char == [\"\'] ]]; then
            quote=$char
        elif [[ $char == '\' && $quote != "'" && ( -z $quote || $next == [\"\\\$\`] ) ]]; then
            raw+=$next current+=$next
            (( i++ ))
        else
            current+=$char
            # Of the break characters, readline counts @ as a part of the word behind it.
            [[ -z $quote && $breaks == *"$char"* ]] && before=${raw%@}
        fi
    done
}

# Offers those of the words that begin like the current one, quoted as the line needs it.
__jitsu_offer() {
    local word shown
    for word; do
        [[ $word == "$current"* ]] || continue
        shown=$word
        [[ -z $quote ]] && printf -v shown %q "$word"
        COMPREPLY+=("$prefix${shown#"$before"}")
    done
}

# Sets `kind` to what the value of the flag $1 is; false where it takes none.
__jitsu_value() {
    local flag
    for flag in $flags $__jitsu_flags; do
        if [[ $flag == "$1="* ]]; then
            kind=${flag#*=}
            return 0
        fi
    done
    return 1
}

# Offers words of the kind $1.
__jitsu_kind() {
    local word IFS=$' \t\n'
    case $1 in
    '' | free) ;;
    files) compopt -o default 2>/dev/null ;;
    dirs) compopt -o dirnames 2>/dev/null ;;
    one-of:*)
        IFS='|'
        __jitsu_offer ${1#one-of:}
        ;;
    *)
        while IFS= read -r word; do
            __jitsu_offer "$word"
        done < <("$program" completion bash --names "$1" -- "${words[@]:1}" 2>/dev/null </dev/null)
        ;;
    esac
}

_jitsu() {
    local IFS=$' \t\n' here='' kind='' ended='' helping='' prefix='' count=0 i word
    local verbs aliases flags arguments words current raw quote before program
    COMPREPLY=()
    __jitsu_split "${COMP_LINE:0:COMP_POINT}"
    program=${words[0]:-jitsu}
    type -P "$program" >/dev/null || program=jitsu
    __jitsu_at ''
    for (( i = 1; i < ${#words[@]}; i++ )); do
        word=${words[i]}
        if [[ -n $kind ]]; then
            kind=''
        elif [[ -z $ended && $word == -- ]]; then
            ended=1
        elif [[ -z $ended && $word == -?* ]]; then
            __jitsu_value "$word"
        elif [[ -z $here && $word == help ]]; then
            helping=1
        elif __jitsu_step "$here" "$word"; then
            __jitsu_at "$here"
        else
            (( count++ ))
        fi
    done
    if [[ -n $kind ]]; then
        __jitsu_kind "$kind"
    elif [[ -z $ended && $current == --*=* ]]; then
        __jitsu_value "${current%%=*}" || return 0
        # Where = is no break character the flag is a part of the word.
        [[ $before == *=* ]] || prefix=${current%%=*}=
        current=${current#*=} before=${before#*=}
        __jitsu_kind "$kind"
    elif [[ -z $ended && $current == -* ]]; then
        for word in $flags $__jitsu_flags; do
            [[ $word == --* ]] && __jitsu_offer "${word%%=*}"
        done
    elif [[ -n $verbs && $count == 0 ]]; then
        __jitsu_offer $verbs
        [[ ${#COMPREPLY[@]} == 0 ]] && __jitsu_offer $aliases
    elif [[ -z $helping ]]; then
        for word in $arguments; do
            (( count-- == 0 )) && break
            [[ $word == *... ]] && break
            word=''
        done
        [[ -n $arguments ]] && __jitsu_kind "${word%...}"
    fi
    return 0
}

complete -F _jitsu jitsu
