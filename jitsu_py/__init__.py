"""jitsu: `jitsu deploy` in a folder with a package.json, and the Node.js app is live.

How a deploy flows:

1. `cli` finds the command in its lazy table and imports `commands.deploy`, nothing else.
2. `context` resolves the settings: flag, environment, project, user file, default.
3. `project.manifest` reads package.json; everything missing is asked for or refused now.
4. No host configured: `embedded` finds the platform on this machine, or starts it.
5. `deploy.plan` reads what there is: the app, its snapshots, the files that would be packed.
6. `deploy.execute` creates the app, and `project.archive` packs the folder, reproducibly.
7. `api.snapshots` uploads it; `server.snapshots` checks and keeps it, `server.builder` runs npm.
8. The snapshot is made active and the app started: `server.reconciler` launches new drones.
9. They are proved ready; `server.router` switches the hosts over; the old drones drain and stop.
10. The URL is printed, on stdout, alone.
"""

__version__ = "0.1.0"
