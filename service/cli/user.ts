import { newUser, role as roleSchema, type Role, type User } from '#contract/access.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { type EdgeTarget, openTarget, targetFlags, targetUsage } from './edge-target.ts'
import type { Command, Terminal } from './terminal.ts'

const usage = `usage: r-emsctl user list [--json]
       r-emsctl user add NAME --role ROLE
       r-emsctl user password NAME
       r-emsctl user role NAME ROLE
       r-emsctl user remove NAME

Roles: viewer, operator, installer, admin. The password is asked for, or read from the standard input; it is never an
argument, where everybody on the machine could see it.
A lost admin password is replaced here, at the device, by whoever owns its data folder:
  sudo r-emsctl user password NAME
${targetUsage}`

export const user: Command = {
  summary: 'users of this edge, their roles and passwords',
  usage,
  async run(args, terminal) {
    const { values, positionals } = parseCommandLine({
      args,
      options: { ...targetFlags, role: { type: 'string' }, json: { type: 'boolean' } },
      strict: true,
      allowPositionals: true,
    })
    const [action, name, extra, ...more] = positionals
    const expected = { list: 1, add: 2, password: 2, remove: 2, role: 3 }[action ?? '']
    if (expected === undefined) throw new UsageError('say list, add, password, role or remove')
    if (positionals.length !== expected || more.length > 0) throw new UsageError(`wrong number of words for ${action}`)
    const role = action === 'add' ? parseRole(values.role) : action === 'role' ? parseRole(extra) : undefined
    await using target = await openTarget(values, terminal.environment)
    if (action === 'list') return await list(target, terminal, values.json ?? false)
    if (action === 'add') return await add(target, terminal, name ?? '', role ?? 'viewer')
    const found = (await target.users()).find((candidate) => candidate.name === name)
    if (!found) throw new UsageError(`there is no user "${name}"`)
    return await change(target, terminal, found, action ?? '', role)
  },
}

function parseRole(text: string | undefined): Role {
  const parsed = roleSchema.safeParse(text)
  if (!parsed.success) throw new UsageError(`the role is ${roleSchema.options.join(', ')}, not "${text ?? ''}"`)
  return parsed.data
}

async function list(target: EdgeTarget, { out }: Terminal, json: boolean): Promise<number> {
  const users = await target.users()
  const time = (ms: number | undefined): string => (ms === undefined ? 'never' : new Date(ms).toISOString())
  if (json) out(`${JSON.stringify({ users })}\n`)
  else if (users.length === 0) out('There are no users yet. Add one with: r-emsctl user add NAME --role admin\n')
  else
    for (const { name, role, lastSignInAtMs } of users)
      out(`${name.padEnd(24)} ${role.padEnd(10)} last sign-in ${time(lastSignInAtMs)}\n`)
  return 0
}

async function add(target: EdgeTarget, terminal: Terminal, name: string, role: Role): Promise<number> {
  const password = await terminal.readSecret(`Password for ${name}: `)
  const parsed = newUser.safeParse({ name, role, password })
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new UsageError(`${String(issue?.path[0] ?? 'user')}: ${issue?.message ?? 'not accepted'}`)
  }
  await target.addUser(parsed.data)
  terminal.out(`Added ${name} as ${role}.\n`)
  return 0
}

async function change(
  target: EdgeTarget,
  terminal: Terminal,
  { id, name }: User,
  action: string,
  role: Role | undefined,
): Promise<number> {
  if (action === 'remove') {
    await target.removeUser(id)
    terminal.out(`Removed ${name}.\n`)
  } else if (role !== undefined) {
    await target.setRole(id, role)
    terminal.out(`${name} is ${role} now.\n`)
  } else {
    const password = await terminal.readSecret(`New password for ${name}: `)
    await target.setPassword(id, password)
    terminal.out(`Set the password of ${name}; all sessions of ${name} have ended.\n`)
  }
  return 0
}
