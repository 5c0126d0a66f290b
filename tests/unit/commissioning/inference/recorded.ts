import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { formOf, valueOf } from '../../../../service/commissioning/inference/forms.ts'
import { observed } from '../../../../service/commissioning/inference/observed.ts'
import { root } from '../../pointmap/helpers.ts'
import type { Known, SyntheticUnit } from './synthetic.ts'

/** Registers read from real devices, with what each value is; not part of the project. */
export const recordedFolder = resolve(root, '../shared/data/registers')
export const recordedHere = existsSync(recordedFolder)

const dump = z.object({
  device: z.string(),
  registers: z.record(z.string(), z.array(z.number())),
  expected: z.array(
    z.object({
      name: z.string(),
      address: z.union([z.number(), z.string(), z.array(z.string())]).nullish(),
      type: z.string().nullish(),
      scale: z.union([z.number(), z.string()]).nullish(),
    }),
  ),
})

const types: Readonly<Record<string, string>> = {
  u16: 'uint16',
  s16: 'int16',
  u32: 'uint32',
  s32: 'int32',
  f32: 'float32',
  uint16: 'uint16',
  int16: 'int16',
  uint32: 'uint32',
  int32: 'int32',
}

export interface RecordedDevice {
  readonly file: string
  readonly vendor: string
  readonly units: readonly SyntheticUnit[]
}

/** One reading each: nothing moves, so that less can be told than from a watch. */
export function recordedDevices(): RecordedDevice[] {
  return readdirSync(recordedFolder)
    .filter((file) => /^(goodwe|givenergy)-.*\.json$/.test(file))
    .toSorted()
    .map((file) => {
      const { registers, expected } = dump.parse(JSON.parse(readFileSync(join(recordedFolder, file), 'utf8')))
      const units = (['HR', 'IR'] as const).flatMap((space): SyntheticUnit[] => {
        const words = new Map<number, number>()
        for (const [place, block] of Object.entries(registers)) {
          const [first = '', second] = place.split(':')
          if ((second === undefined ? 'HR' : first) !== space) continue
          for (const [index, word] of block.entries()) words.set(Number(second ?? first) + index, word)
        }
        const known = expected.flatMap(({ name, address, type, scale }): Known[] => {
          const first = [address ?? []].flat()[0]
          const [prefix, number] = typeof first === 'string' ? first.split(':') : ['HR', first]
          const named = types[type ?? '']
          const form = named === undefined ? undefined : formOf(named, 'big', 'big')
          const at = Number(number)
          if (!form || named === undefined || prefix !== space || first === undefined) return []
          const own = Array.from({ length: form.words }, (_, index) => words.get(at + index))
          if (own.includes(undefined)) return []
          return [
            {
              map: file.slice(0, -5),
              name,
              address: at,
              words: form.words,
              kind: form.kind,
              wordOrder: 'big',
              byteOrder: 'big',
              type: named,
              perCount: typeof scale === 'number' ? scale : 1,
              scaled: false,
              values: [
                valueOf(
                  form,
                  own.map((word) => word ?? 0),
                ),
              ],
            },
          ]
        })
        const fn = space === 'HR' ? 'holding' : 'input'
        return known.length === 0 ? [] : [{ fn, registers: observed([{ atMs: 0, words }]), known }]
      })
      return { file, vendor: file.startsWith('goodwe') ? 'GoodWe' : 'GivEnergy', units }
    })
}
