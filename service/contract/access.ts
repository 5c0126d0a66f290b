import { z } from 'zod'
import { roles } from './access-names.ts'

export { liveProtocol, pageHeader, type Role, roleIncludes, ticketProtocol } from './access-names.ts'

const atMs = z.number().meta({ title: 'Time', unit: 'ms since 1970' })

export const role = z.enum(roles)

/** Who is behind a request: a person, a program, or whoever sits at the machine itself. */
export const principal = z.strictObject({
  kind: z.enum(['user', 'token', 'console']),
  id: z.string(),
  name: z.string(),
  role,
})
export type PrincipalInfo = z.infer<typeof principal>

/** A principal and where it is, for the journal. */
export interface Principal extends PrincipalInfo {
  readonly address: string
}

export const userName = z
  .string()
  .max(40)
  .regex(/^[a-z][a-z0-9._-]+$/, 'a letter, then letters, digits, dots, dashes or underscores, all in lower case')

/** A new password; those that are easily guessed are refused with access.password-weak. */
export const newPassword = z.string().min(12).max(128)

/** Text for people, on one line. */
const line = (longest: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(longest)
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]+$/u, 'one line of visible characters')

const code = z.string().min(6).max(64)
const bearer = z.boolean().default(false).meta({
  description: 'true: the answer carries a token for the Authorization header instead of setting a cookie',
})

export const signInRequest = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('password'),
    name: z.string().min(1).max(60),
    password: z.string().min(1).max(256),
    bearer,
  }),
  /** The one-time code of a sign-in link. */
  z.strictObject({ kind: z.literal('code'), code, bearer }),
])
export type SignInRequest = z.infer<typeof signInRequest>

export const session = z.strictObject({
  id: z.string(),
  principal,
  startedAtMs: atMs,
  lastUsedAtMs: atMs,
  expiresAtMs: atMs.meta({ title: 'Ends then, or earlier when it is not used', unit: 'ms since 1970' }),
  idleMs: z.number().meta({ title: 'Ends when not used for', unit: 'ms' }),
  address: z.string(),
  /** What the browser or program calls itself. */
  client: z.string(),
  /** The session of this very request. */
  current: z.boolean(),
})
export type Session = z.infer<typeof session>

export const signedIn = z.strictObject({
  session,
  /** For the Authorization header; only when asked for, and shown only here. */
  token: z.string().optional(),
})
export type SignedIn = z.infer<typeof signedIn>

export const whoAmI = z.strictObject({ principal, session: session.optional() })
export type WhoAmI = z.infer<typeof whoAmI>

export const sessions = z.strictObject({ sessions: z.array(session) })

/** For the subprotocol list of one live socket: `["r-ems.live", "ticket." + ticket]`. */
export const liveTicket = z.strictObject({ ticket: z.string(), expiresAtMs: atMs })
export type LiveTicket = z.infer<typeof liveTicket>

export const passwordChange = z.strictObject({ current: z.string().min(1).max(256), password: newPassword })
export const passwordReset = z.strictObject({ password: newPassword })

export const user = z.strictObject({
  id: z.string(),
  name: userName,
  role,
  createdAtMs: atMs,
  passwordAtMs: atMs.meta({ title: 'Password set', unit: 'ms since 1970' }),
  lastSignInAtMs: atMs.optional(),
})
export type User = z.infer<typeof user>
export const users = z.strictObject({ users: z.array(user) })
export const newUser = z.strictObject({ name: userName, role, password: newPassword })
export type NewUser = z.infer<typeof newUser>
export const userChange = z.strictObject({ role })

export const apiToken = z.strictObject({
  id: z.string(),
  /** What it is for. */
  purpose: z.string(),
  role,
  createdAtMs: atMs,
  createdBy: z.string(),
  expiresAtMs: atMs,
  lastUsedAtMs: atMs.optional(),
})
export type ApiToken = z.infer<typeof apiToken>
export const apiTokens = z.strictObject({ tokens: z.array(apiToken) })
export const newApiToken = z.strictObject({
  purpose: line(80),
  role,
  days: z.number().int().min(1).max(730).default(90).meta({ title: 'Valid for', unit: 'd' }),
})
export type NewApiToken = z.infer<typeof newApiToken>
/** `token` is shown only here. */
export const createdApiToken = z.strictObject({ token: z.string(), info: apiToken })
export type CreatedApiToken = z.infer<typeof createdApiToken>

export const pairState = z.strictObject({
  /** Whether the pairing code is accepted now. */
  open: z.boolean(),
  /** Whether nobody has an account yet that may manage others. */
  firstAdmin: z.boolean(),
})
export type PairState = z.infer<typeof pairState>

/** A client that pairs with the code gets a token; see also `pairAnswer` in trust. */
export const pairClient = z.strictObject({ code, clientName: line(60) })
export type PairClient = z.infer<typeof pairClient>

/** A person who pairs with the code becomes an admin and is signed in. */
export const pairAdmin = z.strictObject({ code, name: userName, password: newPassword, bearer })
export type PairAdmin = z.infer<typeof pairAdmin>

export const pairWindowRequest = z.strictObject({
  newCode: z.boolean().default(false).meta({ description: 'true: the old code, such as on a label, is void' }),
})
export const pairWindow = z.strictObject({ code: z.string(), openUntilMs: atMs })
export type PairWindow = z.infer<typeof pairWindow>

/** A code that signs in once, as who made it. Open /#/sign-in?code=CODE with it. */
export const signInCode = z.strictObject({ code: z.string(), expiresAtMs: atMs })
export type SignInCode = z.infer<typeof signInCode>

export const auditQuery = z.strictObject({
  /** Only entries older than this number, for paging back. */
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
  kind: z
    .string()
    .regex(/^[a-z-]{1,40}$/)
    .optional(),
})
export type AuditQuery = z.infer<typeof auditQuery>

/** One entry of the hash-chained journal. */
export const auditEntry = z.strictObject({
  seq: z.number().int(),
  atMs,
  kind: z.string(),
  principal: z.string(),
  deviceId: z.string().optional(),
  command: z.string().optional(),
  value: z.number().optional(),
  outcome: z.string().optional(),
  detail: z.string().optional(),
  frames: z.array(z.string()).optional(),
  data: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  prevHash: z.string(),
  hash: z.string(),
})
export type AuditEntry = z.infer<typeof auditEntry>
export const auditEntries = z.strictObject({ entries: z.array(auditEntry) })
export type AuditEntries = z.infer<typeof auditEntries>

export const auditVerification = z.discriminatedUnion('ok', [
  z.strictObject({ ok: z.literal(true), entries: z.number().int(), headSeq: z.number().int(), headHash: z.string() }),
  z.strictObject({
    ok: z.literal(false),
    problem: z.enum(['edited', 'missing', 'reordered', 'truncated']),
    /** Number of the first entry that is wrong or missing. */
    seq: z.number().int(),
    message: z.string(),
  }),
])
export type AuditVerification = z.infer<typeof auditVerification>
