import { z } from 'zod'
import { site } from './site.ts'

/** The JSON Schema of site.yaml, for completion and checks in editors; kept as service/contract/site.schema.json. */
export function siteSchemaText(): string {
  return `${JSON.stringify(z.toJSONSchema(site, { io: 'input' }), undefined, 2)}\n`
}
