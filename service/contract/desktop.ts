import { z } from 'zod'
import { fingerprint, refusalReason } from './trust.ts'

/** The address of a service on this machine: plain HTTP never leaves the loopback interface. */
export const loopbackUrl = z.string().regex(/^http:\/\/127\.0\.0\.1:[1-9]\d{0,4}$/, 'expected http://127.0.0.1:PORT')

/** The one line that the service prints on its standard output with --ready-json, once it listens. */
export const readyLine = z.strictObject({
  ready: z.literal(true),
  url: loopbackUrl,
  pid: z.number().int().positive(),
  /** Of the service on the network, when there is one. */
  secureUrl: z.string().startsWith('https://').optional(),
  /** Signs in once, as the person at this machine; only with the demo site and from the desktop app. */
  signInCode: z.string().min(16).max(64).optional(),
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
  z.strictObject({ phase: z.literal('running'), url: loopbackUrl, signInCode: z.string().optional(), ...common }),
  z.strictObject({
    phase: z.literal('waiting'),
    ...common,
    failure: serviceFailure,
    retryAtMs: z.number().meta({ title: 'Next start', unit: 'ms since 1970' }),
  }),
])
export type ServiceState = z.infer<typeof serviceState>

/** The address of an edge on the network: HTTPS, a name or an IP address, a port. */
export const edgeAddress = z
  .string()
  .max(300)
  .regex(
    /^https:\/\/(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\]):[1-9]\d{0,4}$/,
    'expected https://HOST:PORT in lower case',
  )

/** An edge that this app has paired with. */
export const knownEdge = z.strictObject({
  /** The edge's own, the same for its whole life. */
  id: z.uuid(),
  name: z.string().min(1).max(100),
  address: edgeAddress,
  /** Of the root CA it was paired with; during a rotation also of the next. */
  caFingerprints: z.array(fingerprint).min(1).max(8),
  /**
   * Where its token is. stored: encrypted by the system's key store. session: in memory until the app is closed, as this
   * system has no key store. none: it has to be paired again.
   */
  token: z.enum(['stored', 'session', 'none']),
})
export type KnownEdge = z.infer<typeof knownEdge>

/** An edge that announces itself on the local network. A hint only: whoever is on the network can claim anything. */
export const foundEdge = z.strictObject({
  name: z.string().max(100),
  address: edgeAddress,
  /** The ID it claims; equal to that of a known edge when it is one. */
  id: z.uuid().optional(),
})
export type FoundEdge = z.infer<typeof foundEdge>

/** What an edge shows at first contact. Nothing was sent to it yet; a person compares the fingerprint. */
export const firstContact = z.strictObject({
  /** Names this contact in `pair`; forgotten after ten minutes. */
  contactId: z.uuid(),
  address: edgeAddress,
  edgeId: z.uuid(),
  /** The name on its certificate. */
  name: z.string().max(100),
  /** Of its root CA: to compare with what the edge prints at its start or carries on its label. */
  caFingerprint: fingerprint,
  notAfterMs: z.number().meta({ title: 'Device certificate valid until', unit: 'ms since 1970' }),
})
export type FirstContact = z.infer<typeof firstContact>

export const edgeProblem = z.strictObject({
  reason: z.enum([
    ...refusalReason.options,
    /** Nobody answers at the address. */
    'unreachable',
    /** Somebody answers, but not as an R-EMS edge. */
    'not-an-edge',
    'code-refused',
    'address-invalid',
    /** The contact is too old, or the edge is not in the list. */
    'unknown-edge',
    /** Its token is not kept on this machine: pair again. */
    'not-paired',
  ]),
  /** One sentence: what is wrong. */
  message: z.string(),
  /** One sentence: what to do. */
  action: z.string(),
})
export type EdgeProblem = z.infer<typeof edgeProblem>

/** Problems are values: an Error loses its fields on the way between the processes. */
export type EdgeAnswer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: EdgeProblem }

/** Body of `edges.pair`. */
export const edgePairing = z.strictObject({
  contactId: z.uuid(),
  code: z.string().min(6).max(40),
  /** How the edge lists this app. */
  clientName: z.string().min(1).max(60),
})
export type EdgePairing = z.infer<typeof edgePairing>

/** Where the page sends its requests, and with which token. */
export interface EdgeSession {
  readonly url: string
  readonly token: string
}

/** The connection manager of the app. */
export interface DesktopEdges {
  list(): Promise<readonly KnownEdge[]>
  /** Listens to the local network for two seconds. */
  discover(): Promise<readonly FoundEdge[]>
  /** First contact with https://HOST:PORT, or HOST or HOST:PORT with port 8443. Sends nothing but the TLS greeting. */
  addByAddress(address: string): Promise<EdgeAnswer<FirstContact>>
  /** Sends the pairing code to the edge of a first contact, and pins its CA. */
  pair(pairing: EdgePairing): Promise<EdgeAnswer<KnownEdge>>
  /** Forgets the edge, its CA and its token. */
  remove(id: string): Promise<void>
  /** Checks the edge's certificate again and, where all is well, lets the page talk to it. */
  connect(id: string): Promise<EdgeAnswer<EdgeSession>>
}

/** What the preload script gives the renderer as `window.desktop`; absent in a browser. */
export interface Desktop {
  readonly versions: { readonly electron: string; readonly chrome: string }
  service(): Promise<ServiceState>
  /** Calls back on every change until the returned function is called. */
  onService(listener: (state: ServiceState) => void): () => void
  readonly edges: DesktopEdges
}
