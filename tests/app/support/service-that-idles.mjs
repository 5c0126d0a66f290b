// Stands in for the service where a test is about the window alone: gets ready, answers nothing, ends when asked.
process.stdout.write(`{"ready":true,"url":"http://127.0.0.1:47110","pid":${process.pid}}\n`)
process.on('SIGTERM', () => process.exit(0))
process.stdin.resume().on('end', () => process.exit(0))
