import { asSentence } from '../format/sentence.ts'
import { RequestError } from './http.ts'

/** What went wrong in words for the person in front of it. */
export interface Explanation {
  readonly message: string
  readonly action: string | undefined
}

/** `silence` is said when nobody answered. */
export function explain(error: unknown, silence: string): Explanation {
  if (!(error instanceof RequestError)) return { message: silence, action: undefined }
  const fields = error.fields.map(({ path, message }) => `${path.replace(/^body\.?/, '')}: ${message}`)
  const message = fields.length > 0 ? fields.join('; ') : error.message
  return { message: asSentence(message), action: fields.length > 0 ? undefined : error.action }
}
