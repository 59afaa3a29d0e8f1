# bash completion of jitsu, for bash 3.2 and newer. Generated from the command tree by `python -m jitsu_py.manual`: change that, not this.

# Sets verbs, aliases, flags (FLAG or FLAG=KIND) and arguments (KINDS) of the command that the words $1 name.
__jitsu_at() {
    verbs='' aliases='' flags='' arguments=''
    case $1 in
    '') verbs='deploy install create list view start stop restart scale open rollback destroy logs apps snapshots cloud env databases package signup login logout whoami forgot users thirdparty tokens config host server completion help' aliases='d push publish init ls l v db dbs database conf' ;;
    'deploy') flags='--dir=dirs -r=one-of:patch|minor|major|build --release=one-of:patch|minor|major|build --snapshot=snapshots --drones=free --ram=free --provider=free --datacenter=free --env=free --clear-cache --force --dry-run --detach --open --noanalyze' arguments='dirs free' ;;
    'install') arguments='one-of:helloworld|express|http-server|socket.io dirs' ;;
    'create') flags='--dir=dirs --subdomain=free' arguments='apps' ;;
    'view') flags='--dir=dirs' arguments='apps' ;;
    'start') flags='--dir=dirs' arguments='apps' ;;
    'stop') flags='--dir=dirs' arguments='apps' ;;
    'restart') flags='--dir=dirs' arguments='apps' ;;
    'scale') flags='--dir=dirs' arguments='apps...' ;;
    'open') flags='--dir=dirs' arguments='apps' ;;
    'rollback') flags='--dir=dirs --with-env' arguments='apps snapshots' ;;
    'destroy') flags='--dir=dirs' arguments='apps' ;;
    'logs') verbs='all app drains tail' ;;
    'logs all') flags='-f --follow --since=free --until=free --grep=free --stream=one-of:stdout|stderr|system --drone=free --snapshot=snapshots --redact --raw' ;;
    'logs app') flags='--dir=dirs -f --follow --since=free --until=free --grep=free --stream=one-of:stdout|stderr|system --drone=free --snapshot=snapshots --redact --raw' arguments='apps...' ;;
    'logs drains') verbs='add list remove' aliases='ls rm' ;;
    'logs drains add') flags='--dir=dirs --all --redact' arguments='free apps' ;;
    'logs tail') flags='--dir=dirs --since=free --until=free --grep=free --stream=one-of:stdout|stderr|system --drone=free --snapshot=snapshots --redact --raw' arguments='apps...' ;;
    'apps') verbs='deploy available browse certs cloud create destroy drones list metrics restart setdrones start stop update view' aliases='d push publish open ls l scale v' ;;
    'apps deploy') flags='--dir=dirs -r=one-of:patch|minor|major|build --release=one-of:patch|minor|major|build --snapshot=snapshots --drones=free --ram=free --provider=free --datacenter=free --env=free --clear-cache --force --dry-run --detach --open --noanalyze' arguments='dirs free' ;;
    'apps available') flags='--subdomain=free' ;;
    'apps browse') flags='--dir=dirs' arguments='apps' ;;
    'apps certs') verbs='add list remove retry' aliases='ls rm' ;;
    'apps certs add') flags='--dir=dirs --cert=files --key=files' arguments='free apps' ;;
    'apps certs list') flags='--dir=dirs' arguments='apps' ;;
    'apps certs remove') flags='--dir=dirs' arguments='free apps' ;;
    'apps certs retry') flags='--dir=dirs' arguments='free apps' ;;
    'apps cloud') flags='--dir=dirs --drones=free --ram=free' arguments='apps...' ;;
    'apps create') flags='--dir=dirs --subdomain=free' arguments='apps' ;;
    'apps destroy') flags='--dir=dirs' arguments='apps' ;;
    'apps drones') flags='--dir=dirs' arguments='apps' ;;
    'apps metrics') flags='--dir=dirs' arguments='apps' ;;
    'apps restart') flags='--dir=dirs' arguments='apps' ;;
    'apps setdrones') flags='--dir=dirs' arguments='apps...' ;;
    'apps start') flags='--dir=dirs' arguments='apps' ;;
    'apps stop') flags='--dir=dirs' arguments='apps' ;;
    'apps update') flags='--dir=dirs --dry-run' arguments='apps' ;;
    'apps view') flags='--dir=dirs' arguments='apps' ;;
    'snapshots') verbs='activate create destroy fetch list log view' aliases='rm ls' ;;
    'snapshots activate') flags='--dir=dirs' arguments='apps snapshots' ;;
    'snapshots create') flags='--dir=dirs --snapshot=snapshots' arguments='apps' ;;
    'snapshots destroy') flags='--dir=dirs' arguments='apps snapshots' ;;
    'snapshots fetch') flags='--dir=dirs -o=files --output=files' arguments='apps snapshots' ;;
    'snapshots list') flags='--dir=dirs' arguments='apps' ;;
    'snapshots log') flags='--dir=dirs' arguments='apps snapshots' ;;
    'snapshots view') flags='--dir=dirs' arguments='apps snapshots' ;;
    'cloud') flags='--dir=dirs --drones=free --ram=free' arguments='apps...' ;;
    'env') verbs='clear delete get list load save set' aliases='rm unset ls' ;;
    'env clear') flags='--dir=dirs --restart' arguments='apps' ;;
    'env delete') flags='--dir=dirs -a=apps --app=apps --restart' arguments='apps...' ;;
    'env get') flags='--dir=dirs -a=apps --app=apps' arguments='apps...' ;;
    'env list') flags='--dir=dirs --show' arguments='apps' ;;
    'env load') flags='--dir=dirs -a=apps --app=apps --restart' arguments='apps...' ;;
    'env save') flags='--dir=dirs -a=apps --app=apps' arguments='apps...' ;;
    'env set') flags='--dir=dirs -a=apps --app=apps --stdin --from-file=files --restart' arguments='apps...' ;;
    'databases') verbs='attach backup backups connect create destroy detach get list resize restore rotate schedule start stop' aliases='add rm view v ls l' ;;
    'databases attach') flags='--dir=dirs --as=free --restart' arguments='databases apps' ;;
    'databases backup') flags='-o=files --output=files --id=free' arguments='databases' ;;
    'databases backups') flags='--destroy=free' arguments='databases' ;;
    'databases connect') flags='--port=free' arguments='databases' ;;
    'databases create') flags='--attach=apps --memory=free --url' arguments='one-of:redis|mongo|couch|mongohq|redistogo free' ;;
    'databases destroy') arguments='databases' ;;
    'databases detach') flags='--dir=dirs --restart' arguments='databases apps' ;;
    'databases get') flags='--url' arguments='databases' ;;
    'databases resize') arguments='databases free' ;;
    'databases restore') arguments='databases files' ;;
    'databases rotate') flags='--restart' arguments='databases' ;;
    'databases schedule') flags='--keep=free' arguments='databases one-of:hourly|daily|weekly|off' ;;
    'databases start') arguments='databases' ;;
    'databases stop') arguments='databases' ;;
    'package') verbs='create list' aliases='ls' ;;
    'package create') flags='--dir=dirs -o=files --output=files' arguments='dirs' ;;
    'package list') flags='--dir=dirs --why=free' arguments='dirs' ;;
    'signup') flags='--email=free --password-stdin' ;;
    'login') flags='--token-stdin' ;;
    'forgot') flags='--password-stdin' ;;
    'users') verbs='available changepassword confirm create destroy forgot login logout update whoami' aliases='signup' ;;
    'users changepassword') flags='--password-stdin --revoke-tokens' ;;
    'users confirm') flags='--password-stdin' ;;
    'users create') flags='--email=free --password-stdin' ;;
    'users destroy') flags='--password-stdin' ;;
    'users forgot') flags='--password-stdin' ;;
    'users login') flags='--token-stdin' ;;
    'users update') flags='--email=free --password-stdin' ;;
    'thirdparty') verbs='add list remove' aliases='ls rm' ;;
    'thirdparty add') flags='--id=free --url=free --token-stdin' ;;
    'tokens') verbs='create destroy list' aliases='rm ls' ;;
    'tokens create') flags='--expires=free --scope=one-of:full|deploy|read --app=apps --password-stdin' arguments='tokens...' ;;
    'tokens destroy') flags='--password-stdin' arguments='tokens...' ;;
    'tokens list') flags='--password-stdin' ;;
    'config') verbs='delete get list set' aliases='rm unset ls' ;;
    'config delete') arguments='one-of:host|username|timeout|color|cacert|profile' ;;
    'config get') arguments='one-of:host|username|timeout|color|cacert|profile' ;;
    'config set') arguments='one-of:host|username|timeout|color|cacert|profile free' ;;
    'server') verbs='ca doctor engines install logs prune restart run start status stop uninstall users' ;;
    'server engines') verbs='add list prune' aliases='fetch ls' ;;
    'server engines prune') flags='--dry-run' ;;
    'server install') flags='--scope=one-of:system|user --user=free --print --no-start' ;;
    'server prune') flags='--dry-run' ;;
    'server run') flags='--router-port=free --api-port=free' ;;
    'server start') flags='--router-port=free --api-port=free' ;;
    'server uninstall') flags='--scope=one-of:system|user' ;;
    'server users') verbs='confirm create invite limit list lock remove rotate-key unlock' aliases='ls destroy rm' ;;
    'server users create') flags='--email=free' ;;
    'server users limit') flags='--apps=free --drones=free --memory=free --disk=free --databases=free' ;;
    'completion') flags='--install' arguments='one-of:bash|zsh|fish free...' ;;
    esac
}

# Sets `here` to the command that the word $2 names below the command $1.
__jitsu_step() {
    case "$1/$2" in
    '/deploy'|'/d'|'/push'|'/publish') here='deploy' ;;
    '/install'|'/init') here='install' ;;
    '/create') here='create' ;;
    '/list'|'/ls'|'/l') here='list' ;;
    '/view'|'/v') here='view' ;;
    '/start') here='start' ;;
    '/stop') here='stop' ;;
    '/restart') here='restart' ;;
    '/scale') here='scale' ;;
    '/open') here='open' ;;
    '/rollback') here='rollback' ;;
    '/destroy') here='destroy' ;;
    '/logs') here='logs' ;;
    '/apps') here='apps' ;;
    '/snapshots') here='snapshots' ;;
    '/cloud') here='cloud' ;;
    '/env') here='env' ;;
    '/databases'|'/db'|'/dbs'|'/database') here='databases' ;;
    '/package') here='package' ;;
    '/signup') here='signup' ;;
    '/login') here='login' ;;
    '/logout') here='logout' ;;
    '/whoami') here='whoami' ;;
    '/forgot') here='forgot' ;;
    '/users') here='users' ;;
    '/thirdparty') here='thirdparty' ;;
    '/tokens') here='tokens' ;;
    '/config'|'/conf') here='config' ;;
    '/host') here='host' ;;
    '/server') here='server' ;;
    '/completion') here='completion' ;;
    '/help') here='help' ;;
    'logs/all') here='logs all' ;;
    'logs/app') here='logs app' ;;
    'logs/drains') here='logs drains' ;;
    'logs/tail') here='logs tail' ;;
    'logs drains/add') here='logs drains add' ;;
    'logs drains/list'|'logs drains/ls') here='logs drains list' ;;
    'logs drains/remove'|'logs drains/rm') here='logs drains remove' ;;
    'apps/deploy'|'apps/d'|'apps/push'|'apps/publish') here='apps deploy' ;;
    'apps/available') here='apps available' ;;
    'apps/browse'|'apps/open') here='apps browse' ;;
    'apps/certs') here='apps certs' ;;
    'apps/cloud') here='apps cloud' ;;
    'apps/create') here='apps create' ;;
    'apps/destroy') here='apps destroy' ;;
    'apps/drones') here='apps drones' ;;
    'apps/list'|'apps/ls'|'apps/l') here='apps list' ;;
    'apps/metrics') here='apps metrics' ;;
    'apps/restart') here='apps restart' ;;
    'apps/setdrones'|'apps/scale') here='apps setdrones' ;;
    'apps/start') here='apps start' ;;
    'apps/stop') here='apps stop' ;;
    'apps/update') here='apps update' ;;
    'apps/view'|'apps/v') here='apps view' ;;
    'apps certs/add') here='apps certs add' ;;
    'apps certs/list'|'apps certs/ls') here='apps certs list' ;;
    'apps certs/remove'|'apps certs/rm') here='apps certs remove' ;;
    'apps certs/retry') here='apps certs retry' ;;
    'snapshots/activate') here='snapshots activate' ;;
    'snapshots/create') here='snapshots create' ;;
    'snapshots/destroy'|'snapshots/rm') here='snapshots destroy' ;;
    'snapshots/fetch') here='snapshots fetch' ;;
    'snapshots/list'|'snapshots/ls') here='snapshots list' ;;
    'snapshots/log') here='snapshots log' ;;
    'snapshots/view') here='snapshots view' ;;
    'env/clear') here='env clear' ;;
    'env/delete'|'env/rm'|'env/unset') here='env delete' ;;
    'env/get') here='env get' ;;
    'env/list'|'env/ls') here='env list' ;;
    'env/load') here='env load' ;;
    'env/save') here='env save' ;;
    'env/set') here='env set' ;;
    'databases/attach') here='databases attach' ;;
    'databases/backup') here='databases backup' ;;
    'databases/backups') here='databases backups' ;;
    'databases/connect') here='databases connect' ;;
    'databases/create'|'databases/add') here='databases create' ;;
    'databases/destroy'|'databases/rm') here='databases destroy' ;;
    'databases/detach') here='databases detach' ;;
    'databases/get'|'databases/view'|'databases/v') here='databases get' ;;
    'databases/list'|'databases/ls'|'databases/l') here='databases list' ;;
    'databases/resize') here='databases resize' ;;
    'databases/restore') here='databases restore' ;;
    'databases/rotate') here='databases rotate' ;;
    'databases/schedule') here='databases schedule' ;;
    'databases/start') here='databases start' ;;
    'databases/stop') here='databases stop' ;;
    'package/create') here='package create' ;;
    'package/list'|'package/ls') here='package list' ;;
    'users/available') here='users available' ;;
    'users/changepassword') here='users changepassword' ;;
    'users/confirm') here='users confirm' ;;
    'users/create'|'users/signup') here='users create' ;;
    'users/destroy') here='users destroy' ;;
    'users/forgot') here='users forgot' ;;
    'users/login') here='users login' ;;
    'users/logout') here='users logout' ;;
    'users/update') here='users update' ;;
    'users/whoami') here='users whoami' ;;
    'thirdparty/add') here='thirdparty add' ;;
    'thirdparty/list'|'thirdparty/ls') here='thirdparty list' ;;
    'thirdparty/remove'|'thirdparty/rm') here='thirdparty remove' ;;
    'tokens/create') here='tokens create' ;;
    'tokens/destroy'|'tokens/rm') here='tokens destroy' ;;
    'tokens/list'|'tokens/ls') here='tokens list' ;;
    'config/delete'|'config/rm'|'config/unset') here='config delete' ;;
    'config/get') here='config get' ;;
    'config/list'|'config/ls') here='config list' ;;
    'config/set') here='config set' ;;
    'server/ca') here='server ca' ;;
    'server/doctor') here='server doctor' ;;
    'server/engines') here='server engines' ;;
    'server/install') here='server install' ;;
    'server/logs') here='server logs' ;;
    'server/prune') here='server prune' ;;
    'server/restart') here='server restart' ;;
    'server/run') here='server run' ;;
    'server/start') here='server start' ;;
    'server/status') here='server status' ;;
    'server/stop') here='server stop' ;;
    'server/uninstall') here='server uninstall' ;;
    'server/users') here='server users' ;;
    'server engines/add'|'server engines/fetch') here='server engines add' ;;
    'server engines/list'|'server engines/ls') here='server engines list' ;;
    'server engines/prune') here='server engines prune' ;;
    'server users/confirm') here='server users confirm' ;;
    'server users/create') here='server users create' ;;
    'server users/invite') here='server users invite' ;;
    'server users/limit') here='server users limit' ;;
    'server users/list'|'server users/ls') here='server users list' ;;
    'server users/lock') here='server users lock' ;;
    'server users/remove'|'server users/destroy'|'server users/rm') here='server users remove' ;;
    'server users/rotate-key') here='server users rotate-key' ;;
    'server users/unlock') here='server users unlock' ;;
    *) return 1 ;;
    esac
}

__jitsu_flags='--json -q --quiet --debug -y -c --yes --confirm --no-input --color=one-of:auto|always|never --no-colors --no-color -j=files --jitsuconf=files --localconf --profile=profiles --host=free --timeout=free --cacert=files -h --help -V -v --version'

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
