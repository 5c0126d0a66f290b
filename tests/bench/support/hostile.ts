import { connect } from 'node:net'

/**
 * 500 connections that mean no good, from this process: a third says nothing, a third sends a header byte by byte, a third
 * sends requests with a wrong token as fast as they are answered. Each comes again as soon as it is cut off.
 */
const port = Number(process.argv[2])
const count = Number(process.argv[3] ?? 500)
const request = `GET /api/v1/status HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer wrong\r\n\r\n`
let sent = 0
let connections = 0

function attack(kind: number): void {
  const socket = connect(port, '127.0.0.1')
  let timer: NodeJS.Timeout | undefined
  socket.on('connect', () => {
    connections += 1
    if (kind === 1) {
      let at = 0
      timer = setInterval(() => {
        socket.write(request[at % 40] ?? 'x')
        at += 1
      }, 500)
    }
    if (kind === 2) {
      const again = (): void => {
        sent += 1
        socket.write(request)
      }
      socket.on('data', again)
      again()
    }
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    clearInterval(timer)
    setTimeout(() => attack(kind), 10)
  })
}

for (let n = 0; n < count; n += 1) attack(n % 3)
process.on('SIGTERM', () => {
  process.stdout.write(JSON.stringify({ sent, connections }), () => process.exit())
})
