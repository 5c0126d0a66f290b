// Stands in for the service: service-double.mjs MODE. Speaks the same ready line and ends with its standard input.
import { spawn } from 'node:child_process'

const [mode] = process.argv.slice(2)
const ready = (port = 4711) =>
  process.stdout.write(`${JSON.stringify({ ready: true, url: `http://127.0.0.1:${port}`, pid: process.pid })}\n`)

switch (mode) {
  case 'runs':
    ready()
    process.stdin.resume().on('end', () => process.exit(0))
    process.on('SIGTERM', () => process.exit(0))
    break
  case 'refuses':
    process.stderr.write('{"level":30,"time":1,"msg":"listening"}\n{"level":50,"time":2,"msg":"bus failed"}\n')
    process.stderr.write('site.yaml, line 3: "baud" is not a key\n    at main (file:///x.js:1:1)\n')
    process.exitCode = 2
    break
  case 'hangs':
    setInterval(() => {}, 1000)
    break
  case 'stubborn':
    process.on('SIGTERM', () => {})
    setInterval(() => {}, 1000)
    ready()
    break
  case 'leaves-child': {
    // A child that holds the pipes and would outlive its parent.
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    process.stderr.write(`child ${child.pid}\n`)
    ready()
    setInterval(() => {}, 1000)
    break
  }
  case 'lies':
    process.stdout.write('{"ready":true,"url":"http://198.51.100.7:80","pid":1}\n')
    setInterval(() => {}, 1000)
    break
  case 'shouts':
    process.stdout.write(`${'x'.repeat(5_000_000)}\n`)
    ready()
    setInterval(() => {}, 1000)
    break
  default:
    throw new Error(`no mode ${mode}`)
}
