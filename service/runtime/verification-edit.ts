import { EdgeError } from '#contract/errors.ts'
import { parsePointName, pointTitle } from '#contract/metrics.ts'
import type { Proof, SiteDevice } from '#contract/site-device.ts'
import type { Site } from '#contract/site.ts'
import type {
  NewProof,
  ProofKind,
  ProofTarget,
  ProofWithdrawal,
  Provenance,
  Verifiable,
  Verification,
} from '#contract/verification.ts'
import { editProof, proofName, proofsOf } from '../configuration/edit-proof.ts'
import { parseSite } from '../configuration/site-document.ts'
import { compileSite, type SiteCommands } from '../domain/site-model.ts'
import { problemsText } from '../domain/yaml-source.ts'
import { commandsOf } from './device-view.ts'
import type { SiteDeviceEntry } from './site-runtime.ts'
import type { SiteText } from '../deployment/site-text.ts'
import { metersOf, signPointsOf } from './verified.ts'

/** Marks what a person has proven on this site, and takes it back. Both hold from the next cycle on. */
export interface VerificationEdit {
  verification(): Verification
  /** Resolves once it is in the journal and in the site file. Rejects with device.unknown, verify.* or site.changed. */
  add(target: ProofTarget, proof: NewProof, by: string): Promise<Verification>
  remove(target: ProofTarget, withdrawal: ProofWithdrawal, by: string): Promise<Verification>
}

type Entry = Pick<SiteDeviceEntry, 'config' | 'map'> & { readonly device: Pick<SiteDeviceEntry['device'], 'points'> }

export function createVerificationEdit(options: {
  siteText: SiteText
  commands: SiteCommands
  entries: readonly Entry[]
  nowMs(): number
  /** Whether what a device measures agrees with itself there. */
  plausible(deviceId: string, point: string): boolean
  journalDurable(record: {
    kind: 'configuration'
    principal: string
    deviceId: string
    detail: string
    data: Readonly<Record<string, string>>
  }): Promise<unknown>
  /** Takes the changed site into use. */
  use(site: Site): void
}): VerificationEdit {
  const { siteText, commands, entries, nowMs, plausible, journalDurable, use } = options
  /** `text` is in the newest format. */
  let known:
    | { readonly of: string; readonly text: string; readonly site: Site; readonly needed: readonly ProofTarget[] }
    | undefined
  let changing: Promise<unknown> = Promise.resolve()

  function read(text: string): { readonly site: Site; readonly text: string } {
    const parsed = parseSite(text, siteText.file)
    if (parsed.problems) throw new EdgeError('config.invalid', problemsText(parsed.problems))
    return parsed
  }

  function present(): NonNullable<typeof known> {
    const of = siteText.text()
    if (known?.of !== of) {
      const { site, text } = read(of)
      known = { of, text, site, needed: neededProofs(site, commands, entries) }
    }
    return known
  }

  const entryOf = (deviceId: string): Entry | undefined => entries.find(({ config }) => config.id === deviceId)

  function describe(target: ProofTarget, needed: boolean, device: SiteDevice): Verifiable {
    const { deviceId, kind, name } = target
    const proof = proofsOf(device, kind).find((each) => proofName(each) === name)
    const entry = entryOf(deviceId)
    const told = typeof proof === 'object' && { by: proof.by, atMs: Date.parse(proof.at), how: proof.how }
    return {
      ...target,
      deviceName: device.name,
      title: (kind === 'command' && entry && commandsOf(entry.map).get(name)?.title) || titleOf(kind, name),
      needed,
      provenance: proof ? 'verified' : provenanceOf(entry, target, plausible),
      ...told,
    }
  }

  function verification(): Verification {
    const { site, needed } = present()
    const isNeeded = (target: ProofTarget): boolean => needed.some((each) => keyOf(each) === keyOf(target))
    const items = site.devices.flatMap((device) => {
      const proven = (['command', 'sign', 'point'] as const).flatMap((kind) =>
        proofsOf(device, kind).map((proof) => ({ deviceId: device.id, kind, name: proofName(proof) })),
      )
      const open = needed.filter(
        (target) => target.deviceId === device.id && !proven.some((each) => keyOf(each) === keyOf(target)),
      )
      return [...open, ...proven].map((target) => describe(target, isNeeded(target), device))
    })
    const counted = items.filter((item) => item.needed)
    return {
      kept: siteText.kept,
      needed: counted.length,
      verified: counted.filter((item) => item.provenance === 'verified').length,
      items,
    }
  }

  /** Changes follow each other: each starts from the text that the one before has left. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = changing.then(work)
    changing = done.catch(() => undefined)
    return done
  }

  async function write(target: ProofTarget, proof: Proof | undefined, by: string, why: string): Promise<Verification> {
    const { deviceId, kind, name } = target
    await siteText.unedited()
    const before = present()
    const text = editProof(before.text, siteText.file, before.site, target, proof)
    const next = read(text).site
    await journalDurable({
      kind: 'configuration',
      principal: by,
      deviceId,
      detail: `${proof ? 'verified' : 'no longer verified'}: ${kind} ${name}: ${why}`,
      data: { kind, name },
    })
    await siteText.save(
      text,
      by,
      `${proof ? 'verified' : 'no longer verified'}: ${kind} ${name} of ${deviceId}: ${why}`,
    )
    use(next)
    return verification()
  }

  function checked(target: ProofTarget): { readonly device: SiteDevice; readonly proof: Proof | undefined } {
    const device = present().site.devices.find(({ id }) => id === target.deviceId)
    if (!device) throw new EdgeError('device.unknown', 'the site has no device with this ID')
    const proof = proofsOf(device, target.kind).find((each) => proofName(each) === target.name)
    return { device, proof }
  }

  return {
    verification,
    add: (target, { how }, by) =>
      inTurn(async () => {
        const { device, proof } = checked(target)
        if (typeof proof === 'object')
          throw new EdgeError('verify.twice', `${target.name} of ${device.name} was verified by ${proof.by} already`)
        const problem = notProvable(entryOf(target.deviceId), target, device)
        if (problem !== undefined) throw new EdgeError('verify.unknown', problem)
        const at = new Date(nowMs()).toISOString()
        return write(target, { name: target.name, by: by.slice(0, 120), at, how }, by, how)
      }),
    remove: (target, { reason }, by) =>
      inTurn(async () => {
        const { device, proof } = checked(target)
        if (proof === undefined)
          throw new EdgeError('verify.unknown', `${target.name} of ${device.name} is not verified`)
        return write(target, undefined, by, reason)
      }),
  }
}

const keyOf = ({ deviceId, kind, name }: ProofTarget): string => `${deviceId} ${kind} ${name}`

/** What automatic control waits for: the command of each device it decides over, and the signs that these rest on. */
function neededProofs(site: Site, commands: SiteCommands, entries: readonly Entry[]): ProofTarget[] {
  const found = new Map<string, ProofTarget>()
  const need = (target: ProofTarget): void => void found.set(keyOf(target), target)
  for (const { config, controlled } of compileSite(site, commands).devices) {
    if (!controlled) continue
    const device = site.devices.find(({ id }) => id === config.id) ?? config
    need({ deviceId: device.id, kind: 'command', name: controlled.command })
    if (device.charger?.switchesPhases) need({ deviceId: device.id, kind: 'command', name: 'setPhases' })
    for (const each of [device, ...metersOf(site, device)]) {
      const points = entries.find(({ config: { id } }) => id === each.id)?.device.points() ?? []
      const names = signPointsOf(each.role)
      const proven = names.find((name) => each.verified?.signs.some((proof) => proofName(proof) === name))
      const name = proven ?? names.find((candidate) => points.some((point) => point.name === candidate)) ?? names[0]
      if (name !== undefined) need({ deviceId: each.id, kind: 'sign', name })
    }
  }
  return [...found.values()]
}

function notProvable(entry: Entry | undefined, { kind, name }: ProofTarget, device: SiteDevice): string | undefined {
  if (kind === 'command')
    return entry && commandsOf(entry.map).has(name) ? undefined : `${device.name} has no command ${name}`
  const known = entry?.device.points().some((point) => point.name === name) || entry?.map.map.derived[name]
  if (!known) return `${device.name} has no point ${name}`
  if (kind === 'sign' && parsePointName(name)?.metric.type !== 'number')
    return `${name} of ${device.name} is no number, so that it has no sign`
  return undefined
}

function provenanceOf(
  entry: Entry | undefined,
  { deviceId, kind, name }: ProofTarget,
  plausible: (deviceId: string, point: string) => boolean,
): Provenance {
  if (kind === 'point' && plausible(deviceId, name)) return 'plausible'
  const map = entry?.map.map
  const declared = kind === 'command' ? entry && commandsOf(entry.map).get(name) : map?.points[name]
  if (declared?.source !== undefined && /\b(listen|heard)/i.test(declared.source)) return 'listened'
  const confidence = declared?.confidence ?? map?.defaults?.confidence
  // What the library calls verified was proven elsewhere: here it is as good as a manual.
  if (confidence === 'cited' || confidence === 'verified') return 'manual'
  return confidence ?? 'none'
}

const titleOf = (kind: ProofKind, name: string): string => (kind === 'command' ? name : pointTitle(name))
