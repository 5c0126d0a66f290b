import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { EdgeError } from '#contract/errors.ts'
import { pointType } from '#contract/point-map.ts'
import { parseYamlWith } from '../../domain/yaml-document.ts'
import { problemsText } from '../../domain/yaml-source.ts'
import { typeSpec } from '../point-types.ts'

const words = z.record(z.string().regex(/^\d+$/, 'a raw number'), z.string().max(64))

const sunspecPoint = z.strictObject({
  /** Registers from the start of the fixed part (after ID and L), or of one repetition. */
  at: z.number().int().min(0).max(65_535),
  type: pointType,
  /** Name of the point with the power of ten, or the power itself. */
  sf: z.union([z.string().max(40), z.number().int().min(-10).max(10)]).optional(),
  unit: z.string().max(20).optional(),
  write: z.literal(true).optional(),
  values: words.optional(),
  bits: words.optional(),
})
export type SunspecPoint = z.infer<typeof sunspecPoint>

const points = z.record(z.string().regex(/^[A-Za-z][A-Za-z0-9_.]*$/, 'a point name of SunSpec'), sunspecPoint)

/** One SunSpec model as pointmaps/sunspec/models/NUMBER.yaml. */
export const sunspecModel = z
  .strictObject({
    model: z.number().int().min(1).max(65_534),
    title: z.string().max(80),
    /** Registers of the fixed part, without ID and L. */
    length: z.number().int().min(0).max(2000),
    points,
    /** A block that repeats until the length the device states is used up. */
    repeating: z
      .strictObject({ name: z.string().max(40), length: z.number().int().min(1).max(2000), points })
      .optional(),
  })
  .superRefine((model, context) => {
    const check = (
      set: Readonly<Record<string, SunspecPoint>>,
      length: number,
      path: readonly string[],
      outer: Readonly<Record<string, SunspecPoint>>,
    ) => {
      for (const [name, { at, type, sf }] of Object.entries(set)) {
        const problem = (message: string) =>
          context.addIssue({ code: 'custom', path: [...path, 'points', name], message: `${name}: ${message}` })
        if (pointType.safeParse(type).success && at + typeSpec(type).words > length)
          problem(`does not fit into ${length} registers`)
        if (typeof sf === 'string' && (set[sf] ?? outer[sf])?.type !== 'sunssf')
          problem(`its scale factor ${sf} is not a point of type sunssf`)
      }
    }
    check(model.points, model.length, [], {})
    if (model.repeating) check(model.repeating.points, model.repeating.length, ['repeating'], model.points)
  })
export type SunspecModel = z.infer<typeof sunspecModel>
export type SunspecModels = ReadonlyMap<number, SunspecModel>

/** Loads every model definition of a folder. Throws `map.invalid` naming the line. */
export function loadSunspecModels(folder: string): SunspecModels {
  const models = new Map<number, SunspecModel>()
  let names: string[]
  try {
    names = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
  } catch (cause) {
    throw new EdgeError('map.not-found', `the SunSpec models are missing: ${folder}`, { cause })
  }
  for (const name of names) {
    const file = join(folder, name)
    const parsed = parseYamlWith(sunspecModel, readFileSync(file, 'utf8'), file)
    if (parsed.problems) throw new EdgeError('map.invalid', problemsText(parsed.problems))
    if (name !== `${parsed.value.model}.yaml`)
      throw new EdgeError('map.invalid', `${file}: the file must be named ${parsed.value.model}.yaml`)
    models.set(parsed.value.model, parsed.value)
  }
  return models
}
