import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { EdgeError } from '#contract/errors.ts'
import { type SetupAnswers, type SetupDraft, setupSteps, type SetupStep } from '#contract/setup.ts'
import { foundDevices, type FoundDevice } from '#contract/workbench.ts'
import { parseCommandLine, UsageError } from '../args.ts'
import { readSiteFolder } from '../configuration/read-site-folder.ts'
import { readText } from '../configuration/read-text.ts'
import { checkedYaml } from '../runtime/checked-yaml.ts'
import { createDraftFile } from '../runtime/setup/draft-file.ts'
import { knownMaps } from '../runtime/setup/known-maps.ts'
import { systemClock } from '../runtime/system-clock.ts'
import { isMissing, replaceFile } from '../runtime/workbench/text-files.ts'
import { checkAnswers } from '../setup/check.ts'
import { setupForms } from '../setup/fields.ts'
import { answersOf, filesOf, parseAnswers, type SetupFiles } from '../setup/files.ts'
import { openTarget, targetFlags, targetUsage } from './edge-target.ts'
import { createLibrary, type Library } from './library.ts'
import { createDialogue, type Dialogue, type End } from './setup-dialogue.ts'
import { askField, keysHelp } from './setup-field.ts'
import { readAnswer } from './setup-reading.ts'
import { askPlacement, askStep, stepTitle } from './setup-steps.ts'
import { type Command, CommandFailure, exitCode, type Terminal } from './terminal.ts'

const usage = `usage: r-emsctl setup wizard [FOLDER]                 asks what a site is made of, and writes its files
       r-emsctl setup new    [FOLDER] [--answers FILE]   for a folder without a site
       r-emsctl setup edit   [FOLDER] [--answers FILE]   changes the site of a folder; comments and order stay

Writes site.yaml and edge.yaml into FOLDER (default: this folder). At every question Enter keeps, ? explains, < goes
back, - leaves empty and . stops. Answers are kept in drafts/setup.yaml all the time, also with Ctrl-C: the next start
goes on there, and so does the wizard of the app. The same answers give the same files everywhere.
  --answers FILE   answers as YAML or JSON; nothing is asked
  --json           with --answers: what was written, as JSON
Passwords of accounts are asked for at the end; without a person, add users with r-emsctl user add.
${targetUsage}`

export const setup: Command = {
  summary: 'the setup wizard: the files of a site from questions or from a file of answers',
  usage,
  async run(args, terminal) {
    const { values, positionals } = parseCommandLine({
      args,
      options: { ...targetFlags, answers: { type: 'string' }, json: { type: 'boolean' } },
      strict: true,
      allowPositionals: true,
    })
    const [action = '', place = '.', ...more] = positionals
    if (!['wizard', 'new', 'edit'].includes(action)) throw new UsageError('say wizard, new or edit')
    if (more.length > 0) throw new UsageError('give one folder')
    if (action === 'wizard' && values.answers !== undefined) throw new UsageError('--answers belongs to new and edit')
    const folder = resolve(place)
    const old = await readOld(folder)
    if (action === 'new' && old.site)
      throw new CommandFailure(
        exitCode.refused,
        `${folder} already has a site; change it with: r-emsctl setup edit ${place}`,
      )
    if (action === 'edit' && !old.site)
      throw new CommandFailure(exitCode.failed, `${folder} has no site; begin one with: r-emsctl setup new ${place}`)
    const library = createLibrary([join(folder, 'pointmaps')])
    const maps = knownMaps(library.all().maps)
    if (values.answers !== undefined) {
      const answers = parseAnswers(await readText(resolve(values.answers)), values.answers)
      const { problems } = checkAnswers(answers, { maps: maps.map(({ id }) => id) })
      if (problems[0])
        throw new EdgeError('config.invalid', `${values.answers}: ${problems[0].path}: ${problems[0].message}`)
      return await write(folder, answers, old, terminal, values.json ?? false)
    }
    if (!terminal.interactive)
      throw new UsageError('there is no terminal to ask at; give the answers with --answers FILE')
    return await converse(folder, old, maps, library, terminal, values)
  },
}

/** The site and the edge settings of a folder, as far as they are there. */
async function readOld(folder: string): Promise<Partial<SetupFiles>> {
  const has = (name: string): Promise<boolean> =>
    stat(join(folder, name)).then(
      () => true,
      () => false,
    )
  const site = (await has('site.yaml')) || (await has('site.toml')) ? await readSiteFolder(folder) : undefined
  const edge = (await has('edge.yaml')) ? await readText(join(folder, 'edge.yaml')) : undefined
  return { ...(site && { site }), ...(edge !== undefined && { edge }) }
}

async function write(
  folder: string,
  answers: SetupAnswers,
  old: Partial<SetupFiles>,
  terminal: Terminal,
  json: boolean,
): Promise<number> {
  const files = filesOf(answers, old)
  const texts = [
    ['site.yaml', files.site.get('site.yaml') ?? '', old.site?.get('site.yaml')],
    ['edge.yaml', files.edge, old.edge],
  ] as const
  await mkdir(folder, { recursive: true })
  const written: string[] = []
  for (const [name, text, before] of texts) {
    if (text === before) continue
    if (before !== undefined) await writeFile(join(folder, `${name}.bak`), before)
    await replaceFile(join(folder, name), text)
    written.push(join(folder, name))
  }
  if (json) terminal.out(`${JSON.stringify({ written })}\n`)
  else if (written.length === 0) terminal.out('Nothing is different: the files say this already.\n')
  else terminal.out(`Wrote ${written.join(' and ')}.\nTry it with: r-emsd run --config ${join(folder, 'site.yaml')}\n`)
  return exitCode.done
}

async function converse(
  folder: string,
  old: Partial<SetupFiles>,
  maps: ReturnType<typeof knownMaps>,
  library: Library,
  terminal: Terminal,
  target: { readonly url?: string | undefined; readonly 'data-dir'?: string | undefined },
): Promise<number> {
  const say = (text: string): void => terminal.err(text)
  const kept = createDraftFile(folder, (message) => say(`${message}\n`))
  const before = await kept.load()
  let revision = before?.revision ?? ''
  const by = `cli:${userInfo().username}`
  const draft: SetupDraft = before?.answers ?? (old.site ? answersOf(old.site, old.edge) : {})
  say(`Setup of ${folder}${before ? '; it goes on with the answers so far' : ''}.\n${keysHelp}`)
  let lines = terminal.openLines()
  const dialogue = createDialogue({
    draft,
    lines,
    forms: setupForms(),
    maps,
    found: await foundIn(folder),
    say,
    read: (device) => readAnswer(device, library, terminal),
    async save(answers) {
      revision = (await kept.save(revision, answers, by, systemClock.nowMs())).revision
    },
  })
  let ended: End
  try {
    ended = await walk(dialogue)
  } finally {
    lines[Symbol.dispose]()
  }
  const { answers } = checkAnswers(dialogue.draft, { maps: maps.map(({ id }) => id) })
  if (ended === 'stop' || !answers) {
    say(`\nThe answers are kept in ${join(folder, 'drafts/setup.yaml')}. Go on with: r-emsctl setup wizard ${folder}\n`)
    return terminal.signal.aborted ? exitCode.interrupted : exitCode.failed
  }
  const code = await write(folder, answers, old, terminal, false)
  await kept.remove()
  await addAccounts(answers, terminal, target)
  return code
}

async function foundIn(folder: string): Promise<readonly FoundDevice[]> {
  const file = join(folder, 'workbench/devices-found.yaml')
  try {
    return checkedYaml(foundDevices, await readFile(file, 'utf8'), file, 'config.invalid').devices
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/** All steps, then whatever is still open, until the answers are complete and the person agrees. */
async function walk(dialogue: Dialogue): Promise<End> {
  for (let at = 0; at < setupSteps.length;) {
    const ended = await visit(dialogue, setupSteps[at] ?? 'installation', `${at + 1} of ${setupSteps.length}`)
    if (ended === 'stop') return 'stop'
    at = Math.max(0, ended === 'back' ? at - 1 : at + 1)
  }
  for (;;) {
    const [problem, ...others] = dialogue.problems()
    if (!problem) break
    dialogue.say(`\n${problem.message} ${problem.cure}${others.length > 0 ? ` (and ${others.length} more)` : ''}\n`)
    if ((await visit(dialogue, problem.step, 'still open')) === 'stop') return 'stop'
  }
  const sure = {
    key: '',
    title: 'Everything is answered. Write the files',
    help: 'site.yaml and edge.yaml; nothing that runs changes.',
    kind: 'switch',
    required: false,
    main: true,
  } as const
  const answered = await askField(dialogue.lines, { ...sure, default: true }, undefined, dialogue.say)
  return answered.kind === 'same' || (answered.kind === 'value' && answered.value === true) ? 'next' : 'stop'
}

async function visit(dialogue: Dialogue, step: SetupStep, which: string): Promise<End> {
  dialogue.say(`\n${stepTitle(step)} (${which})\n`)
  const ended = await askStep(dialogue, step)
  return ended === 'next' && step === 'grids' ? askPlacement(dialogue) : ended
}

/** Adds the accounts with passwords that go straight where passwords are kept. */
async function addAccounts(
  { accounts }: SetupAnswers,
  terminal: Terminal,
  values: { readonly url?: string | undefined; readonly 'data-dir'?: string | undefined },
): Promise<void> {
  if (accounts.length === 0) return
  if (values['data-dir'] === undefined && values.url === undefined && !terminal.environment['R_EMS_DATA_DIR']) {
    terminal.err('Add the accounts where the service runs:\n')
    for (const { name, role } of accounts) terminal.err(`  r-emsctl user add ${name} --role ${role}\n`)
    return
  }
  await using target = await openTarget(values, terminal.environment)
  const there = new Set((await target.users()).map(({ name }) => name))
  for (const { name, role } of accounts) {
    if (there.has(name)) continue
    const password = await terminal.readSecret(`Password for ${name}: `)
    await target.addUser({ name, role, password })
    terminal.out(`Added ${name} as ${role}.\n`)
  }
}
