import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { root } from './helpers.ts'

/** Collected facts about 63 devices, outside the project. */
const file = resolve(root, '../shared/facts/vendor-facts.yaml')

const factPoint = z.object({
  name: z.string(),
  address: z.number(),
  fc: z.number(),
  type: z.string(),
  scale: z.number(),
  unit: z.string(),
})
export type FactPoint = z.infer<typeof factPoint>

const survey = z.object({
  devices: z.array(
    z.object({
      id: z.string(),
      transport: z.looseObject({
        tcp: z.looseObject({ port: z.number(), framing: z.string().optional() }).optional(),
        rtu: z.object({ baud: z.number().nullable(), comset: z.unknown() }).optional(),
      }),
      unit_id: z.record(z.string(), z.unknown()),
      identification: z.array(
        z.object({ address: z.number(), fc: z.number(), type: z.string(), expected: z.unknown() }),
      ),
      points: z.array(factPoint),
      /** What a machine did not find in the source that the survey names. */
      address_check: z.object({ not_found: z.array(z.string()) }),
    }),
  ),
})
export type SurveyedDevice = z.infer<typeof survey>['devices'][number]

export const surveyPresent = existsSync(file)

/** The devices of the survey; none where the file is missing. */
export const surveyed: readonly SurveyedDevice[] = surveyPresent
  ? survey.parse(parse(readFileSync(file, 'utf8'))).devices
  : []

/** Function codes of the survey; 6 and 16 mark registers that can only be written. */
export const functionOf: Readonly<Record<number, 'coil' | 'holding' | 'input'>> = {
  1: 'coil',
  3: 'holding',
  4: 'input',
  6: 'holding',
  16: 'holding',
}

/** The type of a fact in the words of the format. `s` means low word first; `+sf@` names the scale factor register. */
export function typeOf(text: string): {
  readonly type: string
  readonly little: boolean
  readonly scaleFactor?: number
} {
  const [own = '', factor] = text.split('+sf@')
  const little = /(32|48|64)s$/.test(own)
  const type = own
    .replace(/s$/, little ? '' : 's')
    .replace(/^string\[(\d+)\]$/, 'string:$1')
    .replace(/^block(\d+)$/, 'bytes:$1')
  return { type, little, ...(factor !== undefined && { scaleFactor: Number(factor) }) }
}
