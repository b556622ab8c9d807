# Services of a host as units of its user's systemd:   sh -s start|stop|running FOLDER SERVICE...
#
# FOLDER/deepnic-SERVICE.service is the unit, to which systemd is given a link. Units also start
# with the host, where the user lingers.

action=$1 folder=$2
shift 2
set -e
case $action in
start)
    for service; do systemctl --user link --force "$folder/deepnic-$service.service"; done
    systemctl --user daemon-reload
    for service; do systemctl --user enable --now "deepnic-$service.service"; done
    ;;
stop) # not `disable --now`, which forgets a linked unit before it would stop it
    for service; do
        systemctl --user stop "deepnic-$service.service"
        systemctl --user disable "deepnic-$service.service"
    done
    ;;
running)
    for service; do
        if systemctl --user --quiet is-active "deepnic-$service"; then echo "$service"; fi
    done
    ;;
esac
