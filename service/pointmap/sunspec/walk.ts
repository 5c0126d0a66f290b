import type { SunspecLayout, SunspecModelAt } from '../types.ts'

/** Reads holding registers; undefined when the device refuses or does not answer. */
export type ReadRegisters = (address: number, count: number) => Promise<readonly number[] | undefined>

/** Where the marker may stand, in the order of likelihood. */
const bases = [40_000, 0, 50_000] as const
/** "SunS" */
const marker = [0x5375, 0x6e53] as const
const endOfModels = 0xffff
const mostModels = 100
/** Some devices list a model once per meter or string; a mirrored memory lists it for ever. */
const mostRepeats = 50

/**
 * Finds the SunSpec models of a device by following their headers (ID, L). Stops with a warning at a header that cannot
 * be true, and keeps what was found before it. Undefined when the device has no marker.
 */
export async function walkSunspec(read: ReadRegisters): Promise<SunspecLayout | undefined> {
  for (const base of bases) {
    const start = await read(base, 2)
    if (start?.[0] === marker[0] && start[1] === marker[1]) return walkFrom(base, read)
  }
  return undefined
}

async function walkFrom(base: number, read: ReadRegisters): Promise<SunspecLayout> {
  const models: SunspecModelAt[] = []
  const warnings: string[] = []
  const result: SunspecLayout = { base, models, warnings }
  let at = base + 2
  while (models.length < mostModels) {
    if (at > 65_534) {
      warnings.push(`the models run past the last address after model ${models.at(-1)?.model ?? 'none'}`)
      return result
    }
    const header = await read(at, 2)
    if (!header || header.length < 2) {
      warnings.push(`the model header at ${at} cannot be read; the end of the list was not seen`)
      return result
    }
    const [model = 0, length = 0] = header
    if (model === endOfModels) {
      if (length !== 0) warnings.push(`the end at ${at} states a length of ${length} instead of 0`)
      return result
    }
    const odd = await oddity(models, { model, address: at + 2, length }, read)
    if (odd) {
      warnings.push(odd)
      return result
    }
    models.push({ model, address: at + 2, length })
    at += 2 + length
  }
  warnings.push(`more than ${mostModels} models; the rest is ignored`)
  return result
}

/** What makes a header unbelievable, or undefined. */
async function oddity(
  models: readonly SunspecModelAt[],
  found: SunspecModelAt,
  read: ReadRegisters,
): Promise<string | undefined> {
  const { model, address, length } = found
  const header = address - 2
  if (model === 0) return `there is no model 0 (at ${header})`
  if (models.length === 0 && model !== 1) return `the first model is ${model} instead of the common model 1`
  if (model === 1 && models.length === 0 && length !== 65 && length !== 66)
    return `the common model states a length of ${length} instead of 65 or 66`
  if (length === 0) return `model ${model} at ${header} states a length of 0`
  if (models.filter((known) => known.model === model).length >= mostRepeats)
    return `model ${model} is listed more than ${mostRepeats} times; the rest is ignored`
  if (address + length > 65_536)
    return `model ${model} at ${header} states a length of ${length}, past the last address`
  if (length > 1 && !(await read(address + length - 1, 1)))
    return `model ${model} at ${header} states a length of ${length}, but its last register cannot be read`
  return undefined
}
