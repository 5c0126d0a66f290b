import type { Answer, ReadRequest } from './pdu.ts'

/** What a device says of itself through FC 43/14. */
export interface DeviceIdentification {
  /** Texts by object: 0 vendor, 1 product code, 2 revision, 3 URL, 4 product, 5 model, 6 application, 128..255 its own. */
  readonly objects: ReadonlyMap<number, string>
  /** 1 basic, 2 regular, 3 extended, as the device states it. */
  readonly level: number
  /** Whether it says that objects can be asked for one by one. */
  readonly individual: boolean
  /** What was odd, in words. */
  readonly warnings: readonly string[]
}

type Ask = (request: ReadRequest) => Promise<Answer>
type Found = Extract<Answer, { kind: 'identification' }>['identification']

/** The first object of each conformity level. */
const levels = [
  { access: 1, firstId: 0 },
  { access: 2, firstId: 3 },
  { access: 3, firstId: 128 },
] as const
/** The objects of the regular level: more are not asked for one by one. */
const lastRegularId = 6
/** Most requests per level; 128 private objects of a few bytes each need far fewer. */
const mostRequests = 24

/**
 * Reads the identification in all levels that the device states. Some devices send the last part for ever, or begin
 * again from the first object: only a part that starts beyond everything seen is asked for. Undefined when the device
 * does not know the function; a device without streams is asked object by object.
 */
export async function readIdentification(ask: Ask): Promise<DeviceIdentification | undefined> {
  const objects = new Map<number, string>()
  const warnings: string[] = []
  let first: Found | undefined
  for (const { access, firstId } of levels) {
    if (first && (first.conformity & 0x7f) < access) break
    const stream = await readStream(ask, access, firstId, objects, warnings)
    if (stream === 'unknown function') return undefined
    if (!stream) break
    first ??= stream
  }
  if (!first && !(await readOneByOne(ask, objects))) return undefined
  const conformity = first?.conformity ?? 0x81
  return { objects, level: conformity & 0x7f, individual: !first || (conformity & 0x80) !== 0, warnings }
}

async function readStream(
  ask: Ask,
  access: 1 | 2 | 3,
  firstId: number,
  objects: Map<number, string>,
  warnings: string[],
): Promise<Found | 'unknown function' | undefined> {
  let first: Found | undefined
  let from = firstId
  for (let requests = 0; requests < mostRequests; requests++) {
    const answer = await ask({ fn: 43, access, objectId: from })
    if (answer.kind !== 'identification') {
      if (first) warnings.push(`the identification breaks off before object ${from}`)
      else if (answer.kind !== 'exception' || answer.code === 1) return 'unknown function'
      return first
    }
    const { identification } = answer
    first ??= identification
    for (const [id, bytes] of identification.objects) if (!objects.has(id)) objects.set(id, textOf(bytes))
    if (!identification.moreFollows) return first
    const { nextObjectId } = identification
    if (nextObjectId <= from || nextObjectId <= Math.max(...identification.objects.keys())) {
      warnings.push(`after object ${from} it wants to be asked for object ${nextObjectId} again; the rest is left out`)
      return first
    }
    from = nextObjectId
  }
  warnings.push(`more than ${mostRequests} parts; the rest is left out`)
  return first
}

/** For devices that refuse streams but not the function. False when there was not a single object. */
async function readOneByOne(ask: Ask, objects: Map<number, string>): Promise<boolean> {
  for (let objectId = 0; objectId <= lastRegularId; objectId++) {
    const answer = await ask({ fn: 43, access: 4, objectId })
    if (answer.kind === 'identification')
      for (const [id, bytes] of answer.identification.objects) objects.set(id, textOf(bytes))
    // An object that is missing is exception 2; anything else about the first one is an answer to all.
    else if (objectId === 0 && !(answer.kind === 'exception' && answer.code === 2)) return false
  }
  return objects.size > 0
}

/** Printable text of bytes from a device; bytes that are no text come as hex. */
export function textOf(bytes: Buffer): string {
  const text = bytes
    .toString('utf8')
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
  return text.includes('\ufffd') ? bytes.toString('hex') : text
}
