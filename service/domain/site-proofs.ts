import { isMap, isSeq, parseDocument } from 'yaml'
import type { Proof } from '#contract/site-device.ts'
import type { ProofKind } from '#contract/verification.ts'

const listOf = { command: 'commands', sign: 'signs', point: 'points' } as const satisfies Record<ProofKind, string>

export interface ProofPlace {
  /** Place of the device in the site file. */
  readonly device: number
  readonly kind: ProofKind
  readonly name: string
}

/** The site file with one more thing proven, or one less; comments, order and everything else stay as they are. */
export function editProof(text: string, { device, kind, name }: ProofPlace, proof: Proof | undefined): string {
  const document = parseDocument(text, { keepSourceTokens: true })
  const holder = ['devices', device, 'verified']
  const path = [...holder, listOf[kind]]
  const present: unknown = document.getIn(path)
  const at = isSeq(present) ? present.items.findIndex((item) => nameOf(item) === name) : -1
  if (proof !== undefined) {
    const node = document.createNode(proof, { flow: true })
    if (at >= 0) document.setIn([...path, at], node)
    else if (isSeq(present)) present.add(node)
    else {
      // A list beside others of one line stands on one line, too.
      if (!isMap(document.getIn(holder))) document.setIn(holder, document.createNode({}))
      document.setIn(path, document.createNode([proof]))
    }
  } else if (at >= 0) {
    document.deleteIn([...path, at])
    const rest: unknown = document.getIn(path)
    if (isSeq(rest) && rest.items.length === 0) document.deleteIn(path)
    const left: unknown = document.getIn(holder)
    if (isMap(left) && left.items.length === 0) document.deleteIn(holder)
  }
  return document.toString({ lineWidth: 0, flowCollectionPadding: true })
}

function nameOf(item: unknown): unknown {
  if (isMap(item)) return item.get('name')
  return typeof item === 'object' && item !== null && 'value' in item ? item.value : undefined
}
