import { z } from 'zod'
import type { EdgeAnswer, EdgeProblem } from '#contract/desktop.ts'
import { CertificateRefused } from '../secure-connect.ts'
import type { EdgeReply } from './ask-edge.ts'

type OwnReason = 'unreachable' | 'not-an-edge' | 'code-refused' | 'address-invalid' | 'unknown-edge' | 'not-paired'

const words: Readonly<Record<OwnReason, readonly [message: string, action: string]>> = {
  unreachable: [
    'Nobody answers at this address.',
    'Check power, cable and address, and that the edge listens on the network.',
  ],
  'not-an-edge': ['What answers at this address is no R-EMS edge.', 'Check the address and the port.'],
  'code-refused': [
    'The edge did not accept the pairing code.',
    'Read the code from the edge again; it is valid for a short time only.',
  ],
  'address-invalid': [
    'This is no address of an edge.',
    'Enter a name or an IP address, with :PORT when it is not 8443.',
  ],
  'unknown-edge': ['This edge is not in the list any more.', 'Add it again by its address.'],
  'not-paired': ['The token of this edge is not kept on this computer.', 'Pair with the edge again.'],
}

export function failed(reason: OwnReason, detail?: string): { readonly ok: false; readonly problem: EdgeProblem } {
  const [message, action] = words[reason]
  return { ok: false, problem: { reason, message: detail === undefined ? message : `${message} ${detail}`, action } }
}

/** What went wrong with a connection. */
export function failureOf(error: unknown): EdgeAnswer<never> {
  if (error instanceof CertificateRefused) return { ok: false, problem: error.refusal }
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  if (code?.startsWith('ERR_SSL_') || code === 'EPROTO') return failed('not-an-edge')
  return failed('unreachable', error instanceof Error ? `(${code ?? error.message})` : undefined)
}

const problemDocument = z.object({ detail: z.string().max(500).optional(), action: z.string().max(500).optional() })

/** The edge's own words for a refused code, where it has some. */
export function codeRefused({ status, body }: EdgeReply): EdgeAnswer<never> {
  if (status < 400 || status >= 500) return failed('not-an-edge', `(it answered with status ${status})`)
  const parsed = problemDocument.safeParse(body)
  const refusal = failed('code-refused', parsed.data?.detail)
  const action = parsed.data?.action
  return action === undefined ? refusal : { ok: false, problem: { ...refusal.problem, action } }
}
