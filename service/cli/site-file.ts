import { readFileSync } from 'node:fs'
import { EdgeError } from '#contract/errors.ts'
import { type Site, site } from '#contract/site.ts'
import { checkedYaml } from '../runtime/checked-yaml.ts'

/** The site a file describes. Throws EdgeError config.invalid with every place that does not fit. */
export function readSite(file: string): Site {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new EdgeError('config.invalid', `${file} cannot be read: ${error instanceof Error ? error.message : ''}`, {
      cause: error,
    })
  }
  return checkedYaml(site, text, file, 'config.invalid')
}
