import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { SecureContextOptions } from 'node:tls'
import { z } from 'zod'
import { EdgeError } from '#contract/errors.ts'
import type { CertificateInfo, TrustBundle, TrustInfo } from '#contract/trust.ts'
import type { Clock } from '../domain/clock.ts'
import { type Anchors, loadAnchors } from './anchors.ts'
import type { Certificate } from './certificate.ts'
import { identity } from './check-certificate.ts'
import {
  createGeneration,
  type Generation,
  periodAt,
  readGeneration,
  readRoot,
  removeGeneration,
  renewalMs,
  renewDevice,
  renewIssuing,
} from './generation.ts'
import { checkIntegrator, loadIntegrators } from './integrators.ts'
import { createKeys, issueLeaf, issueRevocations } from './issue.ts'
import { openTrustFiles, type TrustFiles } from './trust-files.ts'

const dayMs = 86_400_000
const clientLifeMs = 90 * dayMs
const overlapMs = 180 * dayMs
const revocationLifeMs = 30 * dayMs
const integratorName = /^[a-z0-9][a-z0-9-]{0,39}$/

const stateSchema = z.strictObject({
  version: z.literal(1),
  edgeId: z.uuid(),
  generation: z.number().int().min(1),
  /** The generation before, trusted until then. */
  retiring: z.strictObject({ generation: z.number().int().min(1), untilMs: z.number() }).optional(),
  clients: z.array(
    z.strictObject({
      serial: z.string(),
      name: z.string(),
      generation: z.number().int(),
      notAfterMs: z.number(),
    }),
  ),
  withdrawn: z.array(z.strictObject({ serial: z.string(), generation: z.number().int(), atMs: z.number() })),
})
type State = z.infer<typeof stateSchema>

export interface SiteCaOptions {
  /** `trust` in the data folder; made at the first start. */
  readonly folder: string
  readonly clock: Pick<Clock, 'nowMs'>
  /** When this program was built: a clock before it is unknown. */
  readonly builtAtMs: number
  /** DNS names and IP addresses of this edge as they are now; the first is its display name. */
  readonly names: () => readonly string[]
}

export interface ClientCertificate {
  /** Certificate and issuing CA, PEM. */
  readonly certificate: string
  /** PKCS #8, PEM. Not kept here. */
  readonly key: string
  readonly serial: string
}

/** The CA of one site, living on its edge. All changes are on disk before they count. */
export interface SiteCa {
  readonly edgeId: string
  info(): TrustInfo
  bundle(): TrustBundle
  /** Of the HTTPS server: key, chain and the CAs of clients. */
  tls(): SecureContextOptions
  /** What client certificates are checked against. */
  clientAnchors(): Anchors
  clients(): readonly { serial: string; name: string; notAfterMs: number }[]
  /**
   * Replaces what is past two thirds of its life or does not fit the names any more, and forgets a retired root.
   * Resolves to whether anything changed; rejects with trust.root-offline when the root's key is needed.
   */
  renew(): Promise<boolean>
  /** Starts a new root; the old one stays trusted for half a year. Needs the key of the old root. */
  rotate(): Promise<void>
  issueClient(name: string): Promise<ClientCertificate>
  /** Withdraws a certificate by its serial number; the device's own is replaced first. */
  revoke(serial: string): Promise<void>
  /** Trusts the clients of another CA. `name` is lower case, digits and hyphens. Rejects with trust.import-refused. */
  importIntegrator(name: string, pem: string): Promise<void>
  removeIntegrator(name: string): Promise<void>
  /** Calls back after every change until the returned function is called. */
  onChange(listener: () => void): () => void
}

/** Opens the CA of the site, or makes it. Rejects with trust.damaged when its files cannot be used. */
export async function openSiteCa(options: SiteCaOptions): Promise<SiteCa> {
  const files = openTrustFiles(options.folder)
  try {
    return await createSiteCa(options, files, await loadOrCreate(options, files))
  } catch (error) {
    if (error instanceof EdgeError) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new EdgeError('trust.damaged', `the certificates in ${options.folder} cannot be used: ${why}`, {
      cause: error,
    })
  }
}

interface Loaded {
  readonly state: State
  readonly current: Generation
  readonly retiring: Generation | undefined
}

async function loadOrCreate({ clock, builtAtMs, names }: SiteCaOptions, files: TrustFiles): Promise<Loaded> {
  const text = await files.read('state.json')
  if (text === undefined) {
    // A first start that was cut off leaves no more than this.
    const rest = (await files.list('.')).filter((name) => name !== 'ca-1' && !name.startsWith('state.json.'))
    if (rest.length > 0) throw new Error('state.json is missing')
    const edgeId = randomUUID()
    const atMs = Math.max(clock.nowMs(), builtAtMs)
    const current = await createGeneration(files, 1, { edgeId, names: names() }, atMs)
    const state: State = { version: 1, edgeId, generation: 1, clients: [], withdrawn: [] }
    await files.write('state.json', JSON.stringify(state))
    return { state, current, retiring: undefined }
  }
  const state = stateSchema.parse(JSON.parse(text))
  return {
    state,
    current: await readGeneration(files, state.generation),
    retiring: state.retiring && (await readGeneration(files, state.retiring.generation)),
  }
}

async function createSiteCa(options: SiteCaOptions, files: TrustFiles, loaded: Loaded): Promise<SiteCa> {
  const { clock, builtAtMs, names } = options
  let { state, current, retiring } = loaded
  let revocations = ''
  let revocationsDueMs = 0
  let integrators = await loadIntegrators(files)
  let anchors = await loadAnchors({ roots: '' })
  const listeners = new Set<() => void>()
  let turn: Promise<unknown> = Promise.resolve()

  /** A clock before the build is unknown; the build is the earliest it can be. */
  const nowMs = (): number => Math.max(clock.nowMs(), builtAtMs)
  const generations = (): Generation[] => (retiring ? [current, retiring] : [current])
  const sendable = (): Certificate[] => [
    current.device.certificate,
    current.issuing.certificate,
    ...(retiring && current.cross ? [current.cross] : []),
    current.root,
  ]

  async function refresh(): Promise<void> {
    const period = periodAt(nowMs(), revocationLifeMs)
    const lists = generations().map(({ number, issuing }) =>
      issueRevocations(
        issuing,
        state.withdrawn.filter(({ generation }) => generation === number),
        period,
      ),
    )
    revocations = (await Promise.all(lists)).join('')
    revocationsDueMs = renewalMs(period)
    await files.write('revoked.crl', revocations)
    await files.write(
      'site-ca.pem',
      generations()
        .map(({ root }) => root.pem)
        .join(''),
    )
    anchors = await loadAnchors({
      roots: [
        ...generations().map(({ root }) => root.pem),
        ...integrators.flatMap(({ roots }) => roots.map(({ pem }) => pem)),
      ].join('\n'),
      intermediates: [
        ...generations().map(({ issuing }) => issuing.certificate.pem),
        ...integrators.flatMap(({ intermediates }) => intermediates.map(({ pem }) => pem)),
      ].join('\n'),
      revocations: [revocations, ...integrators.map(({ text }) => text)].join('\n'),
    })
    for (const listener of listeners) listener()
  }

  /** One change at a time. */
  function change<T>(action: () => Promise<T>): Promise<T> {
    const result = turn.then(action)
    turn = result.catch(() => undefined)
    return result
  }

  async function save(next: State): Promise<void> {
    await files.write('state.json', JSON.stringify(next))
    state = next
  }

  async function needRoot(): Promise<NonNullable<Awaited<ReturnType<typeof readRoot>>>> {
    const root = await readRoot(files, current)
    if (root) return root
    throw new EdgeError(
      'trust.root-offline',
      `the key of the root CA is needed: ${join(options.folder, `ca-${current.number}`, 'root-key.pem')} is not there`,
    )
  }

  function isDue(certificate: Certificate): boolean {
    const atMs = nowMs()
    return atMs < certificate.notBeforeMs || atMs >= renewalMs(certificate)
  }

  async function retire(): Promise<boolean> {
    const { retiring: old, ...rest } = state
    if (!old || nowMs() < old.untilMs) return false
    const stays = ({ generation }: { readonly generation: number }): boolean => generation !== old.generation
    await save({ ...rest, clients: state.clients.filter(stays), withdrawn: state.withdrawn.filter(stays) })
    retiring = undefined
    await removeGeneration(files, old.generation)
    return true
  }

  async function replaceDevice(): Promise<void> {
    current = await renewDevice(files, current, { edgeId: state.edgeId, names: names() }, nowMs())
  }

  await refresh()
  return {
    edgeId: state.edgeId,
    info: () => ({
      edgeId: state.edgeId,
      caFingerprint: current.root.fingerprint,
      clockKnown: clock.nowMs() >= builtAtMs,
      certificates: [
        infoOf('root', current.root),
        { ...infoOf('issuing', current.issuing.certificate), renewAtMs: renewalMs(current.issuing.certificate) },
        {
          ...infoOf('device', current.device.certificate),
          renewAtMs: renewalMs(current.device.certificate),
          names: [...current.device.certificate.names],
        },
        ...(retiring && state.retiring
          ? [{ ...infoOf('root', retiring.root), retiredAtMs: state.retiring.untilMs }]
          : []),
        ...integrators.flatMap(({ roots, intermediates }) =>
          [...roots, ...intermediates].map((one) => infoOf('integrator', one)),
        ),
      ],
      revoked: state.withdrawn.length,
    }),
    bundle: () => ({
      certificates: [...sendable().slice(1), ...(retiring ? [retiring.issuing.certificate, retiring.root] : [])]
        .map(({ pem }) => pem)
        .join(''),
      revocations,
    }),
    tls: () => ({
      key: current.device.keys.pem,
      cert: sendable()
        .map(({ pem }) => pem)
        .join(''),
      ca: anchors.roots.map(({ pem }) => pem),
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
    }),
    clientAnchors: () => anchors,
    clients: () => state.clients.map(({ serial, name, notAfterMs }) => ({ serial, name, notAfterMs })),
    renew: () =>
      change(async () => {
        let changed = await retire()
        if (isDue(current.issuing.certificate)) {
          current = await renewIssuing(files, current, await needRoot(), nowMs())
          changed = true
        }
        const { certificate } = current.device
        const named = new Set(certificate.names)
        if (isDue(certificate) || names().some((name) => !named.has(name))) {
          await replaceDevice()
          changed = true
        }
        if (changed || nowMs() >= revocationsDueMs) await refresh()
        return changed
      }),
    rotate: () =>
      change(async () => {
        const before = await needRoot()
        const { edgeId, generation } = state
        const atMs = nowMs()
        // Apps can follow one step at a time.
        if (state.retiring)
          throw new EdgeError(
            'trust.rotating',
            `the last rotation of the CA is not over until ${new Date(state.retiring.untilMs).toISOString().slice(0, 10)}`,
          )
        const next = await createGeneration(files, generation + 1, { edgeId, names: names() }, atMs, before)
        await save({ ...state, generation: next.number, retiring: { generation, untilMs: atMs + overlapMs } })
        retiring = current
        current = next
        await refresh()
      }),
    issueClient: (name) =>
      change(async () => {
        const keys = await createKeys()
        const { issuing, number } = current
        const period = periodAt(nowMs(), clientLifeMs, issuing.certificate)
        const certificate = await issueLeaf(
          { commonName: name, publicKey: keys.publicKey, period, use: 'client', uri: identity.user(name) },
          issuing,
        )
        const { serial, notAfterMs } = certificate
        const clients = [...state.clients, { serial, name, generation: number, notAfterMs }]
        await save({ ...state, clients: clients.filter((client) => client.notAfterMs > nowMs()) })
        return { certificate: certificate.pem + issuing.certificate.pem, key: keys.pem, serial }
      }),
    revoke: (serial) =>
      change(async () => {
        const client = state.clients.find((one) => one.serial === serial)
        if (!client && current.device.certificate.serial !== serial)
          throw new EdgeError('trust.unknown-certificate', `there is no certificate with the serial number ${serial}`)
        if (state.withdrawn.some((one) => one.serial === serial)) return
        if (!client) await replaceDevice()
        const generation = client?.generation ?? current.number
        await save({ ...state, withdrawn: [...state.withdrawn, { serial, generation, atMs: nowMs() }] })
        await refresh()
      }),
    importIntegrator: (name, pem) =>
      change(async () => {
        if (!integratorName.test(name))
          throw new EdgeError('trust.import-refused', 'the name of a CA has lower case, digits and hyphens, at most 40')
        checkIntegrator(pem, nowMs())
        await files.write(`integrators/${name}.pem`, pem)
        integrators = await loadIntegrators(files)
        await refresh()
      }),
    removeIntegrator: (name) =>
      change(async () => {
        if (integratorName.test(name)) await files.remove(`integrators/${name}.pem`)
        integrators = await loadIntegrators(files)
        await refresh()
      }),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

function infoOf(use: CertificateInfo['use'], certificate: Certificate): CertificateInfo {
  const { commonName, fingerprint, notBeforeMs, notAfterMs } = certificate
  return { use, subject: commonName, fingerprint, notBeforeMs, notAfterMs }
}
