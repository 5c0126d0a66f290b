// Stands in for a service that cannot start.
process.stderr.write('r-emsd: the data folder is on a full disk\nFree disk space and start it again.\n')
process.exitCode = 1
