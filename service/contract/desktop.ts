import { z } from 'zod'

/** The address of a service on this machine: plain HTTP never leaves the loopback interface. */
export const loopbackUrl = z.string().regex(/^http:\/\/127\.0\.0\.1:[1-9]\d{0,4}$/, 'expected http://127.0.0.1:PORT')

/** The one line that the service prints on its standard output with --ready-json, once it listens. */
export const readyLine = z.strictObject({
  ready: z.literal(true),
  url: loopbackUrl,
  pid: z.number().int().positive(),
})
export type ReadyLine = z.infer<typeof readyLine>

/** Why the service is not running, as the app saw it. */
export const serviceFailure = z.strictObject({
  /**
   * missing: the program could not be started at all. exited: it ended by itself. killed: a signal ended it.
   * silent: it did not get ready in time and was stopped.
   */
  kind: z.enum(['missing', 'exited', 'killed', 'silent']),
  atMs: z.number().meta({ title: 'Time', unit: 'ms since 1970' }),
  exitCode: z.number().int().optional(),
  signal: z.string().optional(),
  /** What the service said last, at most 2,000 characters; may be empty. */
  detail: z.string().max(2_000),
})
export type ServiceFailure = z.infer<typeof serviceFailure>

const common = {
  /** Starts before this one since the app was opened; 0 for the first. */
  restarts: z.number().int().min(0),
  /** The most recent failure; it stays while the service starts and runs again. */
  failure: serviceFailure.optional(),
  /** Where the service's own messages are kept. */
  logPath: z.string(),
}

/** The service of the desktop app as its window shows it. The address changes with every start. */
export const serviceState = z.discriminatedUnion('phase', [
  z.strictObject({ phase: z.literal('starting'), ...common }),
  z.strictObject({ phase: z.literal('running'), url: loopbackUrl, ...common }),
  z.strictObject({
    phase: z.literal('waiting'),
    ...common,
    failure: serviceFailure,
    retryAtMs: z.number().meta({ title: 'Next start', unit: 'ms since 1970' }),
  }),
])
export type ServiceState = z.infer<typeof serviceState>

/** What the preload script gives the renderer as `window.desktop`; absent in a browser. */
export interface Desktop {
  readonly versions: { readonly electron: string; readonly chrome: string }
  service(): Promise<ServiceState>
  /** Calls back on every change until the returned function is called. */
  onService(listener: (state: ServiceState) => void): () => void
}
