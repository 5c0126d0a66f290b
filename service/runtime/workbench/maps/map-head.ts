import { parse } from 'yaml'
import { deviceKind } from '#contract/point-map.ts'
import type { MapSummary } from '#contract/map-editor.ts'

/** Maker, model and kind from the first lines of a text, whatever else is wrong in it. */
export function headOf(text: string, id: string): Pick<MapSummary, 'maker' | 'model' | 'kind'> {
  const [maker = '', model = ''] = id.split('/')
  return {
    maker: said(text, 'maker') ?? maker,
    model: said(text, 'model') ?? model,
    kind: deviceKind.safeParse(said(text, 'kind')).data ?? null,
  }
}

function said(text: string, key: string): string | undefined {
  const line = new RegExp(`^${key}:[ \\t]+(\\S.{0,300})$`, 'm').exec(text)?.[1]
  if (line === undefined) return undefined
  try {
    const value: unknown = parse(line)
    return typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, 200) : undefined
  } catch {
    return undefined
  }
}
