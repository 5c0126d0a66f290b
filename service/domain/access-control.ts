import type {
  ApiToken,
  CreatedApiToken,
  LiveTicket,
  NewApiToken,
  NewUser,
  PairAdmin,
  PairClient,
  PairState,
  PairWindow,
  Principal,
  Role,
  Session,
  SignedIn,
  SignInCode,
  SignInRequest,
  User,
  WhoAmI,
} from '#contract/access.ts'

/** What a request shows to be let in; at most one of them counts, in this order. */
export interface Presented {
  /** Of the Authorization header: an API token or the token of a session. */
  readonly bearer?: string | undefined
  /** A single-use ticket for a live socket. */
  readonly ticket?: string | undefined
  /** Of the session cookie. */
  readonly cookie?: string | undefined
  /** The user that an accepted client certificate names. */
  readonly certificateUser?: string | undefined
}

/** Where a request comes from. */
export interface From {
  readonly address: string
  /** What the client calls itself. */
  readonly client: string
}

/** A request that was let in: who it is, and whether that still holds. */
export interface Authority {
  readonly principal: Principal
  readonly sessionId?: string
  /** False once the session has ended or the token was revoked. Does not count as a use. */
  holds(): boolean
}

/** A sign-in and the secret of its session, for the cookie. */
export interface Admission {
  readonly secret: string
  readonly answer: SignedIn
}

/** Who may do what on this edge, as the API asks. */
export interface Access extends AsyncDisposable {
  /** Throws api.token-missing, api.token-wrong or access.session-ended. */
  authenticate(presented: Presented, address: string): Authority
  /** Records that somebody may not do what was asked for. */
  refused(by: { readonly name: string; readonly address: string }, detail: string): void
  signIn(request: SignInRequest, from: From): Promise<Admission>
  signOut(authority: Authority): void
  whoAmI(authority: Authority): WhoAmI
  liveTicket(authority: Authority): LiveTicket
  signInCode(by: Authority): SignInCode
  changePassword(authority: Authority, current: string, password: string): Promise<void>
  /** Everybody sees the own ones, an admin all. */
  sessions(authority: Authority): Session[]
  endSession(authority: Authority, id: string): void
  users(): User[]
  addUser(by: Principal, request: NewUser): Promise<User>
  setRole(by: Principal, id: string, role: Role): Promise<User>
  setPassword(by: Principal, id: string, password: string): Promise<void>
  removeUser(by: Principal, id: string): Promise<void>
  tokens(): ApiToken[]
  addToken(by: Principal, request: NewApiToken): Promise<CreatedApiToken>
  removeToken(by: Principal, id: string): Promise<void>
  pairState(): PairState
  pairClient(request: PairClient, from: From): Promise<CreatedApiToken>
  pairAdmin(request: PairAdmin, from: From): Promise<Admission>
  openPairing(by: Principal, newCode: boolean): Promise<PairWindow>
}
