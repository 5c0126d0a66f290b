import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import type { SignedBundle } from '#contract/deployment.ts'
import { EdgeError } from '#contract/errors.ts'
import type { SiteFiles } from '../../../service/configuration/site-files.ts'
import {
  formatBundleFile,
  makeBundle,
  parseBundleFile,
  type Receiver,
  verifyBundle,
} from '../../../service/deployment/bundle.ts'
import { type EnrolledKeys, openEnrolledKeys, openSigningKey, type OwnKey } from '../../../service/deployment/keys.ts'

const edgeId = '7f3e0c1c-4d0e-4a57-9d5e-6f0f6a1a2b3c'
const day = 86_400_000
const nowMs = Date.UTC(2026, 5, 1)
const files: SiteFiles = new Map([
  ['pointmaps/acme/meter.yaml', 'format: 1 # Zähler\n'],
  ['site.yaml', 'name: Depot\n'],
])
const manifest = {
  edgeId,
  siteName: 'Depot',
  version: 7,
  prevHash: 'a'.repeat(64),
  notBeforeMs: nowMs - day,
  notAfterMs: nowMs + day,
  by: 'anna on laptop',
  why: 'a second charger',
}

function memoryFolder() {
  const texts = new Map<string, string>()
  return {
    texts,
    read: async (name: string) => texts.get(name),
    write: async (name: string, text: string) => void texts.set(name, text),
  }
}

let laptop: OwnKey
let edge: OwnKey
let keys: EnrolledKeys
let receiver: Receiver
let good: SignedBundle

beforeAll(async () => {
  laptop = await openSigningKey(memoryFolder())
  edge = await openSigningKey(memoryFolder())
  ;({ keys } = await openEnrolledKeys({ folder: memoryFolder(), own: edge, nowMs: () => nowMs }))
  await keys.add({ publicKey: laptop.publicKey, owner: 'laptop of anna' }, 'anna')
  receiver = {
    edgeId,
    nextVersion: 7,
    hash: manifest.prevHash,
    nowMs,
    clockFloorMs: Date.UTC(2026, 0, 1),
    ownKeyId: edge.keyId,
    publicKey: keys.publicKey,
  }
  good = makeBundle(manifest, files, laptop)
})

/** Signs whatever it is given, as somebody could who has an enrolled key and other software. */
function signText(text: string, key = laptop): SignedBundle {
  const signature = sign(null, Buffer.from(text), key.privateKey).toString('base64')
  return { format: 'r-ems-signed-bundle/1', keyId: key.keyId, signature, bundle: text }
}

const signValue = (value: unknown): SignedBundle => signText(canonicalize(value) ?? '')

function refusal(signed: SignedBundle, by: Partial<Receiver> = {}): string {
  try {
    verifyBundle(signed, { ...receiver, ...by })
  } catch (error) {
    expect(error).toBeInstanceOf(EdgeError)
    return `${(error as EdgeError).code}: ${(error as EdgeError).message}`
  }
  return 'accepted'
}

describe('a bundle', () => {
  it('comes through a file as it was', () => {
    const bytes = Buffer.from(formatBundleFile(good))
    const read = verifyBundle(parseBundleFile(bytes, 'stick/depot.rems'), receiver)
    expect(Object.fromEntries(read.files)).toEqual(Object.fromEntries(files))
    expect(read.manifest).toMatchObject(manifest)
  })

  it('is refused when it is not signed by a key of this edge', async () => {
    const stranger = await openSigningKey(memoryFolder())
    expect(refusal(makeBundle(manifest, files, stranger))).toMatch(/^bundle\.untrusted: .* does not know/)
    expect(refusal({ ...makeBundle(manifest, files, stranger), keyId: laptop.keyId })).toMatch(/^bundle\.altered/)
    expect(refusal({ ...good, signature: `${'A'.repeat(86)}==` })).toMatch(/^bundle\.altered/)
  })

  it('is refused when any byte of it was altered', () => {
    const bytes = Buffer.from(formatBundleFile(good))
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
        const altered = Buffer.from(bytes)
        altered[at] = (altered[at] ?? 0) ^ by
        expect(() => verifyBundle(parseBundleFile(altered, 'stick'), receiver)).toThrow(EdgeError)
      }),
      { numRuns: 1500 },
    )
    // Nor by bits that base64 does not use.
    const spare = good.signature.replace(/.==$/, (end) => `${String.fromCharCode(end.charCodeAt(0) + 1)}==`)
    expect(refusal({ ...good, signature: spare })).toMatch(/^bundle\.(malformed|altered)/)
  })

  it('is refused when it was cut off anywhere, with the name of the file', () => {
    const bytes = Buffer.from(formatBundleFile(good))
    for (const length of [0, 1, 100, bytes.length >> 1, bytes.length - 2]) {
      expect(() => parseBundleFile(bytes.subarray(0, length), '/media/stick/depot.rems')).toThrow(
        /^\/media\/stick\/depot\.rems /,
      )
    }
    const zeroed = Buffer.concat([bytes.subarray(0, 200), Buffer.alloc(bytes.length - 200)])
    expect(() => parseBundleFile(zeroed, 'stick')).toThrow(/not a whole bundle/)
  })

  it('is refused for another edge, another state of it, and a second time', () => {
    expect(refusal(makeBundle({ ...manifest, edgeId: crypto.randomUUID() }, files, laptop))).toMatch(
      /^bundle\.foreign: the bundle of "Depot" is for the edge /,
    )
    expect(refusal(good, { nextVersion: 8 })).toMatch(/^bundle\.outdated: .*has had that one already/)
    expect(refusal(good, { nextVersion: 6 })).toMatch(/^bundle\.outdated: .*another state/)
    expect(refusal(good, { hash: 'b'.repeat(64) })).toMatch(/^bundle\.outdated: .*another configuration/)
  })

  it('is refused out of its time, and while the clock is not set', () => {
    expect(refusal(good, { nowMs: nowMs + 2 * day })).toMatch(/^bundle\.expired: .*was valid until/)
    expect(refusal(good, { nowMs: nowMs - 2 * day })).toMatch(/^bundle\.expired: .*is valid from/)
    expect(refusal(good, { nowMs: 0 })).toMatch(/^bundle\.expired: the clock .* 1970-01-01/)
    // What the edge has made itself a moment ago is not a question of dates.
    expect(refusal(makeBundle(manifest, files, edge), { nowMs: 0 })).toBe('accepted')
  })

  it('is refused in any other spelling, even signed', () => {
    const text = good.bundle
    expect(refusal(signText(text.replace('{"files"', '{ "files"')))).toMatch(/canonical/)
    expect(refusal(signText(`${text} `))).toMatch(/canonical/)
    expect(refusal(signText(`${text}{}`))).toMatch(/not JSON/)
    const twice = text.replace('"manifest":{', '"manifest":{"by":"somebody else",')
    expect(refusal(signText(twice))).toMatch(/canonical/)
    expect(refusal(signText(text.replace('"version":7', '"version":7.0')))).toMatch(/canonical/)
  })

  it('is refused with anything in it that is no file of a site', () => {
    const texts = Object.fromEntries(files)
    const withFile = (path: string, text = 'x\n'): SignedBundle => {
      const content = JSON.parse(good.bundle) as { manifest: { files: Record<string, string> }; files: object }
      const hash = content.manifest.files['site.yaml']
      content.files = { ...texts, [path]: text }
      content.manifest.files = { ...content.manifest.files, [path]: hash ?? '' }
      return signValue(content)
    }
    for (const path of [
      '../site.yaml',
      'pointmaps/../../etc/passwd',
      '/etc/r-ems/site.yaml',
      'pointmaps\\acme\\meter.yaml',
      'edge.yaml',
      'accounts.json',
      'secrets/mqtt.txt',
      'trust/ca-1/root-key.pem',
      'pointmaps/acme/Меter.yaml',
      '__proto__',
      'site.yaml\u0000',
    ])
      expect(refusal(withFile(path)), path).toMatch(/^bundle\.forbidden/)
    const content = JSON.parse(good.bundle) as object
    for (const extra of [{ enable_control: true }, { accounts: [] }])
      expect(refusal(signValue({ ...content, ...extra }))).toMatch(/^bundle\.forbidden/)
    const inManifest = JSON.parse(good.bundle) as { manifest: object }
    expect(refusal(signValue({ ...inManifest, manifest: { ...inManifest.manifest, enable_control: true } }))).toMatch(
      /^bundle\.forbidden/,
    )
  })

  it('is refused with a secret, line ends of Windows, or a file that the manifest does not name', () => {
    const made = (text: string) => makeBundle(manifest, new Map([...files, ['site.yaml', text]]), laptop)
    expect(refusal(made('name: Depot\nmqtt_password: hunter2\n'))).toMatch(/^bundle\.forbidden: site\.yaml:2/)
    expect(refusal(made('name: Depot\r\n'))).toMatch(/^bundle\.forbidden: site\.yaml has line ends/)
    expect(refusal(made('\uFEFFname: Depot\n'))).toMatch(/BOM/)
    const content = JSON.parse(good.bundle) as { manifest: { files: Record<string, string> }; files: object }
    const { ['site.yaml']: _gone, ...rest } = content.manifest.files
    expect(refusal(signValue({ ...content, manifest: { ...content.manifest, files: rest } }))).toMatch(
      /^bundle\.malformed/,
    )
    expect(
      refusal(signValue({ ...content, files: { 'site.yaml': 'name: Other\n', 'pointmaps/acme/meter.yaml': 'x' } })),
    ).toMatch(/^bundle\.malformed: .*is not the file that the manifest names/)
  })

  it('takes no other algorithm, whatever it says', () => {
    const spki = Buffer.from(laptop.publicKey, 'base64')
    const hmac = createHmac('sha512', spki).update(good.bundle).digest('base64')
    expect(refusal({ ...good, signature: hmac })).toMatch(/^bundle\.altered/)
    const other = generateKeyPairSync('x25519').publicKey.export({ format: 'der', type: 'spki' })
    expect(refusal(good, { publicKey: () => other })).toMatch(/^deployment\.key/)
  })
})

describe('the keys of an edge', () => {
  it('are kept, and are public halves of Ed25519 keys', async () => {
    const folder = memoryFolder()
    const own = await openSigningKey(folder)
    expect((await openSigningKey(folder)).keyId).toBe(own.keyId)
    const first = await openEnrolledKeys({ folder, own, nowMs: () => nowMs })
    await first.keys.add({ publicKey: laptop.publicKey, owner: 'laptop of anna' }, 'anna')
    await first.keys.add({ publicKey: laptop.publicKey, owner: 'the same again' }, 'bert')
    const second = await openEnrolledKeys({ folder, own, nowMs: () => nowMs })
    expect(second.keys.list().keys.map(({ owner, own: mine }) => [owner, mine])).toEqual([
      ['this edge', true],
      ['laptop of anna', false],
    ])
    const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
    for (const publicKey of [elliptic.export({ format: 'der', type: 'spki' }).toString('base64'), `${'A'.repeat(59)}=`])
      await expect(second.keys.add({ publicKey, owner: 'nobody' }, 'anna')).rejects.toMatchObject({
        code: 'deployment.key',
      })
    await expect(second.keys.remove(own.keyId)).rejects.toMatchObject({ code: 'deployment.key' })
    await second.keys.remove(laptop.keyId)
    expect(second.keys.publicKey(laptop.keyId)).toBeUndefined()
  })

  it('accept nobody when their file is damaged', async () => {
    const folder = memoryFolder()
    const own = await openSigningKey(folder)
    folder.texts.set('deploy-keys.json', '{"keys":[')
    const { keys: none, damaged } = await openEnrolledKeys({ folder, own, nowMs: () => nowMs })
    expect(damaged).toBe(true)
    expect(none.list().keys).toHaveLength(1)
    folder.texts.set('deploy-key.pem', 'no key')
    await expect(openSigningKey(folder)).rejects.toMatchObject({ code: 'deployment.key' })
  })
})
