import { z } from 'zod'
import { pointMap } from '#contract/point-map.ts'

/** The JSON Schema of point maps, for completion and checks in editors; kept as pointmaps/schema.json. */
export function pointMapSchemaText(): string {
  return `${JSON.stringify(z.toJSONSchema(pointMap, { io: 'input' }), undefined, 2)}\n`
}
