import { randomUUID } from 'node:crypto'
import type {
  DesktopEdges,
  EdgeAnswer,
  EdgePairing,
  EdgeSession,
  FirstContact,
  FoundEdge,
  KnownEdge,
} from '#contract/desktop.ts'
import { pairAnswer, trustBundle } from '#contract/trust.ts'
import { type Anchors, loadAnchors } from '../anchors.ts'
import { type Certificate, isSelfSigned, readCertificate, readCertificates } from '../certificate.ts'
import { checkServerCertificate, edgeIdOf, type Verdict } from '../check-certificate.ts'
import { followRotation } from '../follow-rotation.ts'
import type { Sighting } from '../mdns.ts'
import { CertificateRefused, connectSecurely, type SecureConnection } from '../secure-connect.ts'
import { askEdge, type EdgeReply, type EdgeRequest } from './ask-edge.ts'
import { type EdgePlace, placeOf, readEdgeAddress } from './edge-address.ts'
import { codeRefused, failed, failureOf } from './edge-problems.ts'
import type { EdgeStore, StoredEdge } from './edge-store.ts'

const contactLifeMs = 600_000
const mostContacts = 50

export interface EdgeManagerOptions {
  readonly store: EdgeStore
  readonly nowMs: () => number
  /** When this app was built: a clock before it is unknown. */
  readonly builtAtMs: number
  /** Who announces itself on the local network. */
  readonly browse: () => Promise<readonly Sighting[]>
}

export interface EdgeManager extends DesktopEdges {
  /** Whether the page may send a request to an origin: https://HOST:PORT of a connected edge. */
  isConnected(origin: string): boolean
  /** Judges the certificate of a connection that the page makes; leaf first, PEM. */
  accepts(host: string, chain: readonly string[]): boolean
  /** Asks a paired edge as whom it knows, over a new connection. What the edge answers is an answer, whatever its status. */
  ask(id: string, request: EdgeRequest): Promise<EdgeAnswer<EdgeReply>>
}

interface Contact {
  readonly place: EdgePlace
  readonly contact: FirstContact
  readonly root: Certificate
  readonly untilMs: number
}

/** Finds edges, pairs with them and decides which may be talked to. */
export function createEdgeManager({ store, nowMs, builtAtMs, browse }: EdgeManagerOptions): EdgeManager {
  const contacts = new Map<string, Contact>()
  const connected = new Map<string, { readonly edge: StoredEdge; readonly anchors: Anchors }>()

  function judge(place: { host: string }, anchors: Anchors, chain: readonly Certificate[], edgeId?: string): Verdict {
    return checkServerCertificate({
      chain,
      anchors,
      host: place.host,
      nowMs: nowMs(),
      builtAtMs,
      ...(edgeId !== undefined && { edgeId }),
    })
  }

  const dial = (place: EdgePlace, anchors: Anchors, edgeId: string): Promise<SecureConnection> =>
    connectSecurely(place, (chain) => judge(place, anchors, chain, edgeId))

  function known({ id, name, address, roots }: StoredEdge): KnownEdge {
    const caFingerprints = readCertificates(roots).map(({ fingerprint }) => fingerprint)
    return { id, name, address, caFingerprints, token: store.tokenPlace(id) }
  }

  /** Takes over what the edge says about its CA, over a connection that was just verified. */
  async function learn(edge: StoredEdge, place: EdgePlace, { socket, chain }: SecureConnection): Promise<StoredEdge> {
    const reply = await askEdge(socket, place, { method: 'GET', path: '/api/v1/trust/bundle' })
    const bundle = trustBundle.safeParse(reply.body)
    if (reply.status !== 200 || !bundle.success) return edge
    const offered = readCertificates(bundle.data.certificates)
    const roots = followRotation(readCertificates(edge.roots), offered)
    const next = {
      ...edge,
      roots: pemOf(roots),
      intermediates: pemOf(offered.filter((one) => one.ca && !isSelfSigned(one))),
      revocations: bundle.data.revocations,
    }
    // With what was withdrawn in the meantime.
    const verdict = judge(place, await loadAnchors(next), chain, edge.id)
    if (!verdict.ok) throw new CertificateRefused(verdict.refusal)
    return next
  }

  async function contactWith(place: EdgePlace): Promise<FirstContact> {
    const paired = store.list().find(({ address }) => address === place.address)
    const { socket, path } = await connectSecurely(place, async (chain) =>
      paired
        ? judge(place, await loadAnchors(paired), chain, paired.id)
        : // Nothing is trusted yet: the person compares the root it shows.
          judge(place, await loadAnchors({ roots: pemOf(chain.filter((one) => one.ca && isSelfSigned(one))) }), chain),
    )
    socket.destroy()
    const leaf = path[0]
    const root = path.at(-1)
    const edgeId = leaf && edgeIdOf(leaf)
    if (!leaf || !root || edgeId === undefined) throw new NotAnEdge()
    const contact: FirstContact = {
      contactId: randomUUID(),
      address: place.address,
      edgeId,
      name: leaf.commonName.slice(0, 100) || place.host,
      caFingerprint: root.fingerprint,
      notAfterMs: leaf.notAfterMs,
    }
    for (const [id, { untilMs }] of contacts)
      if (untilMs < nowMs() || contacts.size >= mostContacts) contacts.delete(id)
    contacts.set(contact.contactId, { place, contact, root, untilMs: nowMs() + contactLifeMs })
    return contact
  }

  async function pairWith({ place, contact, root }: Contact, pairing: EdgePairing): Promise<EdgeAnswer<KnownEdge>> {
    const { edgeId: id, name } = contact
    const fresh: StoredEdge = { id, name, address: place.address, roots: root.pem, intermediates: '', revocations: '' }
    const { socket } = await dial(place, await loadAnchors(fresh), id)
    const { code, clientName } = pairing
    const reply = await askEdge(socket, place, { method: 'POST', path: '/api/v1/pair', body: { code, clientName } })
    const answer = pairAnswer.safeParse(reply.body)
    if (reply.status < 200 || reply.status >= 300 || !answer.success) return codeRefused(reply)
    // The token is there: keep it before anything else can go wrong.
    store.put(fresh, answer.data.token)
    contacts.delete(contact.contactId)
    return { ok: true, value: known(fresh) }
  }

  async function open(edge: StoredEdge, place: EdgePlace, token: string): Promise<EdgeSession> {
    const connection = await dial(place, await loadAnchors(edge), edge.id)
    try {
      const next = await learn(edge, place, connection)
      store.put(next)
      connected.set(edge.id, { edge: next, anchors: await loadAnchors(next) })
      return { url: edge.address, token }
    } finally {
      connection.socket.destroy()
    }
  }

  /** An edge that this machine has paired with, with its token. */
  function paired(id: string): EdgeAnswer<{ edge: StoredEdge; place: EdgePlace; token: string }> {
    const edge = store.find(id)
    const place = edge && placeOf(edge.address)
    if (!edge || !place) return failed('unknown-edge')
    const token = store.tokenOf(id)
    return token === undefined ? failed('not-paired') : { ok: true, value: { edge, place, token } }
  }

  return {
    list: async () => store.list().map(known),
    discover: async () => (await browse()).flatMap(foundEdge),
    async addByAddress(text) {
      const place = readEdgeAddress(text)
      if (!place) return failed('address-invalid')
      try {
        return { ok: true, value: await contactWith(place) }
      } catch (error) {
        return error instanceof NotAnEdge ? failed('not-an-edge') : failureOf(error)
      }
    },
    async pair(pairing) {
      const contact = contacts.get(pairing.contactId)
      if (!contact || contact.untilMs < nowMs()) return failed('unknown-edge')
      try {
        return await pairWith(contact, pairing)
      } catch (error) {
        return failureOf(error)
      }
    },
    async remove(id) {
      connected.delete(id)
      store.remove(id)
    },
    async connect(id) {
      const found = paired(id)
      if (!found.ok) return found
      const { edge, place, token } = found.value
      try {
        return { ok: true, value: await open(edge, place, token) }
      } catch (error) {
        // What was fine before is not any more.
        connected.delete(id)
        return failureOf(error)
      }
    },
    async ask(id, request) {
      const found = paired(id)
      if (!found.ok) return found
      const { edge, place, token } = found.value
      try {
        // What the edge withdrew since then is learned first, once for as long as this program runs.
        if (!connected.has(id)) await open(edge, place, token)
        const { anchors } = connected.get(id) ?? { anchors: await loadAnchors(edge) }
        const { socket } = await dial(place, anchors, id)
        try {
          return { ok: true, value: await askEdge(socket, place, { ...request, token }) }
        } finally {
          socket.destroy()
        }
      } catch (error) {
        connected.delete(id)
        return failureOf(error)
      }
    },
    isConnected: (origin) => [...connected.values()].some(({ edge }) => edge.address === origin),
    accepts(host, chain) {
      let certificates: Certificate[]
      try {
        certificates = chain.map(readCertificate)
      } catch {
        return false
      }
      return [...connected.values()].some(
        ({ edge, anchors }) =>
          placeOf(edge.address)?.host === host && judge({ host }, anchors, certificates, edge.id).ok,
      )
    },
  }
}

class NotAnEdge extends Error {
  override readonly name = 'NotAnEdge'
}

const pemOf = (certificates: readonly Certificate[]): string => certificates.map(({ pem }) => pem).join('')

function foundEdge({ name, host, port, edgeId }: Sighting): FoundEdge[] {
  const place = readEdgeAddress(host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
  if (!place) return []
  return [{ name: name.slice(0, 100), address: place.address, ...(edgeId !== undefined && { id: edgeId }) }]
}
