import type { Proof, SiteDevice } from '#contract/site-device.ts'
import type { Site } from '#contract/site.ts'
import type { ProofTarget } from '#contract/verification.ts'
import { type Edit, editText } from './edit.ts'

const listOf = { command: 'commands', sign: 'signs', point: 'points' } as const

export const proofName = (proof: Proof): string => (typeof proof === 'string' ? proof : proof.name)

/** The proofs of one kind that a device has. */
export const proofsOf = ({ verified }: SiteDevice, kind: ProofTarget['kind']): readonly Proof[] =>
  verified?.[listOf[kind]] ?? []

/**
 * The text of a site with one more thing proven, or without it; comments, order and everything else stay as they are. `site` is what
 * the text says. Throws config.invalid where the text cannot be changed by a program.
 */
export function editProof(
  text: string,
  file: string,
  site: Site,
  target: ProofTarget,
  proof: Proof | undefined,
): string {
  const at = site.devices.findIndex(({ id }) => id === target.deviceId)
  const device = site.devices[at]
  if (!device) return text
  return editText(text, file, [editOf(device, ['devices', at, 'verified'], target, proof)]).text
}

function editOf(device: SiteDevice, holder: (string | number)[], { kind, name }: ProofTarget, proof?: Proof): Edit {
  const list = listOf[kind]
  const present = proofsOf(device, kind)
  const at = present.findIndex((each) => proofName(each) === name)
  if (proof !== undefined) {
    if (!device.verified) return { path: holder, value: { [list]: [proof] } }
    if (present.length === 0) return { path: [...holder, list], value: [proof] }
    return { path: [...holder, list, at < 0 ? present.length : at], value: proof }
  }
  if (present.length > 1) return { path: [...holder, list, at], value: undefined }
  const others = (['command', 'sign', 'point'] as const).filter((other) => other !== kind)
  const alone = others.every((other) => proofsOf(device, other).length === 0)
  return { path: alone ? holder : [...holder, list], value: undefined }
}
