import fastify, { type FastifyBaseLogger, LogController } from 'fastify'
import { pino } from 'pino'
import { defaultLimits } from '../../../service/api/limits.ts'
import { guardCertificates, listenSecurely, type SecureEndpoint } from '../../../service/api/secure.ts'
import { createClientIdentities } from '../../../service/trust/client-identity.ts'
import { openSiteCa } from '../../../service/trust/site-ca.ts'

/**
 * An edge as a process of its own: the real CA and the real HTTPS listener with one route. Commands come from the parent
 * process; every one is answered when it is done.
 */
const [folder = '', builtAtMs = '', clientCertificates = '', startOffsetMs = '0'] = process.argv.slice(2)
let offsetMs = Number(startOffsetMs)
let names = ['edge-one', 'localhost', '127.0.0.1']
const clock = { nowMs: () => Date.now() + offsetMs, monotonicMs: () => performance.now() }
const ca = await openSiteCa({ folder, clock, builtAtMs: Number(builtAtMs), names: () => names })
const log: FastifyBaseLogger = pino({ level: 'debug' }, pino.destination(2))
const app = fastify({
  loggerInstance: log,
  logController: new LogController({ disableRequestLogging: true }),
})
const endpoint: Omit<SecureEndpoint, 'administration'> = {
  host: '127.0.0.1',
  port: 0,
  clientCertificates: clientCertificates === 'required' ? ('required' as const) : ('optional' as const),
  tls: () => ca.tls(),
  names: () => names,
  info: () => ca.info(),
  bundle: () => ca.bundle(),
  identify: createClientIdentities(ca, clock, Number(builtAtMs)),
  onChange: (listener: () => void) => ca.onChange(listener),
}
guardCertificates(app, endpoint)
app.get('/who', (request) => ({ user: request.certificateUser ?? null }))
app.get('/api/v1/trust/bundle', () => ca.bundle())
app.post('/api/v1/pair', (request, reply) => {
  const { code } = request.body as { code?: string }
  if (code === '123456') return { token: 'a-token-of-this-edge' }
  return reply.code(401).send({ detail: 'The code is wrong.', action: 'Read it again.' })
})
await app.ready()
const { port } = await listenSecurely(app, endpoint, defaultLimits, () => false)

interface Command {
  readonly id: number
  readonly name: 'info' | 'renew' | 'rotate' | 'client' | 'revoke' | 'names' | 'pass'
  readonly text?: string
  readonly ms?: number
}

async function run({ name, text = '', ms = 0 }: Command): Promise<unknown> {
  if (name === 'renew') return ca.renew()
  if (name === 'rotate') return ca.rotate()
  if (name === 'client') return ca.issueClient(text)
  if (name === 'revoke') return ca.revoke(text)
  if (name === 'names') names = [...names, text]
  if (name === 'pass') offsetMs += ms
  return ca.info()
}

process.on('message', (command: Command) => {
  void run(command).then(
    (result) => process.send?.({ id: command.id, result }),
    (error: unknown) => process.send?.({ id: command.id, error: String(error) }),
  )
})
process.on('disconnect', () => process.exit())
process.send?.({ port })
