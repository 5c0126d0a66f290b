// Stands in for a service that cannot start.
process.stderr.write('r-emsd: the data folder is on a full disk\n')
process.exitCode = 1
