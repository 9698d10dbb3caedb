#!/bin/sh
# Runs its arguments, a command of apt, so that the servers it installs are not started, now or at the next boot, and so
# that PostgreSQL gets no cluster. Undoes what only the installation needs.
set -e
policy=/usr/sbin/policy-rc.d
cluster=/etc/postgresql-common/createcluster.d/portcullis.conf
before=$(ls /etc/init.d)
if [ -e $policy ]; then
    trap 'rm -f $cluster' EXIT
else
    trap 'rm -f $cluster $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' > $policy
    chmod 755 $policy
fi
mkdir -p ${cluster%/*}
echo 'create_main_cluster = false' > $cluster
"$@"
for service in postgresql redis-server; do
    if [ -e /etc/init.d/$service ] && ! echo "$before" | grep -qx $service; then
        update-rc.d $service disable
    fi
done
