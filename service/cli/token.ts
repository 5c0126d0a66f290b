import { newApiToken } from '#contract/access.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { openTarget, targetFlags, targetUsage } from './edge-target.ts'
import type { Command } from './terminal.ts'

const usage = `usage: r-emsctl token list [--json]
       r-emsctl token create PURPOSE --role ROLE [--days N]
       r-emsctl token revoke ID

Tokens for programs, sent as: Authorization: Bearer TOKEN. A token is shown once and stored as a hash.
  --days N         valid for N days, 1 to 730 (default 90)
${targetUsage}`

export const token: Command = {
  summary: 'API tokens for programs',
  usage,
  async run(args, { environment, out }) {
    const { values, positionals } = parseCommandLine({
      args,
      options: {
        ...targetFlags,
        role: { type: 'string' },
        days: { type: 'string' },
        json: { type: 'boolean' },
      },
      strict: true,
      allowPositionals: true,
    })
    const [action, word, ...more] = positionals
    if (more.length > 0) throw new UsageError('give a purpose of several words in quotes')
    if (action === 'list' && word === undefined) {
      await using target = await openTarget(values, environment)
      const tokens = await target.tokens()
      if (values.json) out(`${JSON.stringify({ tokens })}\n`)
      for (const { id, role, purpose, expiresAtMs, lastUsedAtMs } of values.json ? [] : tokens) {
        const used = lastUsedAtMs === undefined ? 'never used' : `last used ${new Date(lastUsedAtMs).toISOString()}`
        out(
          `${id}  ${role.padEnd(10)} until ${new Date(expiresAtMs).toISOString().slice(0, 10)}, ${used}: ${purpose}\n`,
        )
      }
      return 0
    }
    if (action === 'create' && word !== undefined) {
      const days = values.days === undefined ? {} : { days: Number(values.days) }
      const request = newApiToken.safeParse({ purpose: word, role: values.role, ...days })
      if (!request.success) {
        const [issue] = request.error.issues
        throw new UsageError(`${String(issue?.path[0] ?? 'token')}: ${issue?.message ?? 'not accepted'}`)
      }
      await using target = await openTarget(values, environment)
      const created = await target.addToken(request.data)
      out(values.json ? `${JSON.stringify(created)}\n` : `${created.token}\n`)
      return 0
    }
    if (action === 'revoke' && word !== undefined) {
      await using target = await openTarget(values, environment)
      await target.removeToken(word)
      out(`Revoked ${word}.\n`)
      return 0
    }
    throw new UsageError('say list, create PURPOSE or revoke ID')
  },
}
