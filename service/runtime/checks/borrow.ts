import type { CheckRestored, CheckWrite } from '#contract/checks.ts'
import type { CommandName } from '#contract/point-map.ts'
import type { Clock } from '../../domain/clock.ts'
import type { Device } from '../../drivers/driver.ts'
import type { ArmedBus } from '../../drivers/modbus/bus.ts'
import type { SunspecModels } from '../../pointmap/sunspec/models.ts'
import type { ResolvedMap } from '../../pointmap/types.ts'
import { bindMap } from '../bind-map.ts'
import { commandsOf } from '../device-view.ts'
import type { Guard, ManualOutcome } from '../guard.ts'
import type { Outputs } from '../outputs.ts'
import { renewalMs } from '../renewal.ts'
import type { SiteDeviceEntry } from '../site-runtime.ts'
import { readRelease, type ReleaseState } from '../workbench/release-state.ts'
import { createProbe } from './probe.ts'
import { CheckEnd, type Hand } from './session.ts'

export interface BorrowParts {
  readonly clock: Clock
  readonly guard: Pick<Guard, 'manual'>
  readonly outputs: Pick<Outputs, 'pause' | 'unpause'>
  readonly buses: ReadonlyMap<string, ArmedBus>
  readonly sunspecModels: () => SunspecModels
}

export interface BorrowOptions {
  readonly runId: string
  readonly principal: string
  readonly armed: () => boolean
  readonly signal: AbortSignal
  /** Now, on the clock of the trace. */
  readonly tMs: () => number
  readonly wrote: (write: CheckWrite) => void
  /** A value is in force, for the plot. */
  readonly told: (value: number, atMs: number) => void
  /** What ends the check from beside its procedure. */
  readonly fail: (error: CheckEnd) => void
}

/** A borrowed device that goes back. */
export interface Borrowed extends Hand {
  /** Puts back what was found and reads it back, for at most so long; then automatic control has the device again. Never rejects. */
  giveBack(withinMs: number): Promise<CheckRestored>
}

/** Between two attempts at a device that does not take its old value. */
const retryMs = 500
/** Between looks at a value that comes back late. */
const lookAgainMs = 100

/**
 * Takes a device from automatic control for one command and looks at what it is told before. Every write passes the guard as one of
 * the person who runs the check (S1). Ends the check when the device cannot be read.
 */
export async function borrow(
  parts: BorrowParts,
  entry: SiteDeviceEntry,
  command: CommandName,
  options: BorrowOptions,
): Promise<Borrowed> {
  const { clock, guard, outputs, buses, sunspecModels } = parts
  const { runId, principal, armed, signal, wrote } = options
  const { id, name } = entry.config
  const declared = commandsOf(entry.map).get(command)
  if (!declared) throw new CheckEnd('not-covered', `${name} has no command ${command}`)
  const { unit, readBack: shown, expiry } = declared
  const tolerance = shown?.tolerance ?? 0
  let underWay: Promise<unknown> = Promise.resolve()
  let renewing: AbortController | undefined
  const alone = new Set<() => void>()
  const probe = shown && createProbe(parts, entry, [shown.point])
  const onBus = buses.get(entry.bus)?.unit(entry.config.unitId)
  let bound: ResolvedMap | undefined

  async function readBack(): Promise<number | undefined> {
    if (!shown) return undefined
    const reading = (await probe?.read())?.get(shown.point)
    return typeof reading?.value === 'number' && reading.quality === 'good' ? reading.value : undefined
  }

  async function releaseState(): Promise<ReleaseState | undefined> {
    if (!onBus || (declared?.release ?? []).length === 0) return undefined
    bound ??= await bindMap(entry.map, onBus, sunspecModels())
    return readRelease(bound, onBus, command)
  }

  async function released(): Promise<boolean | undefined> {
    const state = await releaseState()
    if (!state || (state.compared === 0 && state.problem === undefined)) return undefined
    return state.problem === undefined
  }

  /** One after the other, so that the way back never meets a write that is still on its way. */
  function write(
    value: number | undefined,
    purpose: CheckWrite['purpose'],
  ): Promise<ManualOutcome & { sentMs: number }> {
    const mine = underWay.then(async () => {
      let sentMs = options.tMs()
      // The journal is written before the wire: what the plot calls the command is the latter.
      const device: Device = {
        ...entry.device,
        writeByHand(toWrite, wanted) {
          sentMs = options.tMs()
          return entry.device.writeByHand(toWrite, wanted)
        },
      }
      const outcome = await guard.manual({
        principal,
        deviceId: id,
        simulated: entry.simulated,
        armed: armed(),
        value,
        action:
          value === undefined
            ? { kind: 'release', command, device }
            : { kind: 'command', command, device, commands: commandsOf(entry.map) },
        check: { runId, returning: purpose === 'restore' },
      })
      wrote({
        atMs: clock.nowMs(),
        deviceId: id,
        command,
        unit,
        outcome: outcome.outcome,
        purpose,
        ...(value !== undefined && { value }),
        ...(outcome.readBack !== undefined && { readBack: outcome.readBack }),
        ...(outcome.reason !== undefined && { reason: outcome.reason.slice(0, 400) }),
      })
      return { ...outcome, sentMs }
    })
    underWay = mine.catch(() => undefined)
    return mine
  }

  async function renew(value: number, stop: AbortSignal): Promise<void> {
    const everyMs = declared ? renewalMs(declared) : Infinity
    if (!Number.isFinite(everyMs) || expiry.kind === 'none') return
    for (;;) {
      await clock.sleep(everyMs, stop)
      const outcome = await write(value, 'renewal')
      if (outcome.outcome === 'failed' || outcome.outcome === 'refused')
        return options.fail(notTaken(outcome, `${value} ${unit} again`))
    }
  }

  /** Silence is nothing that the device has done wrong. */
  function notTaken({ cause, reason, outcome, readBack: found }: ManualOutcome, what: string): CheckEnd {
    const silent = cause === 'no-answer' || (outcome === 'failed' && cause === undefined && found === undefined)
    return new CheckEnd(silent ? 'no-answer' : 'write-failed', `${name} did not take ${what}: ${reason ?? outcome}`)
  }

  function letGo(): void {
    renewing?.abort()
    renewing = undefined
  }

  await outputs.pause([id], `a check works with ${name}`)
  const { before, wasReleased } = await look().catch(async (error: unknown) => {
    outputs.unpause([id])
    await probe?.[Symbol.asyncDispose]()
    throw error
  })

  async function look(): Promise<{ before: number | undefined; wasReleased: boolean | undefined }> {
    const found = { before: await readBack(), wasReleased: await released() }
    if (shown && found.before === undefined)
      throw new CheckEnd('no-answer', `${name} does not say what it is told now: ${shown.point} cannot be read`)
    return found
  }

  /** Whether it is as it was; otherwise what it reads. */
  async function isBack(): Promise<{ ok: boolean; after: number | undefined; text: string }> {
    const deadlineMs = clock.monotonicMs() + Math.max(1_000, shown?.withinMs ?? 0)
    for (;;) {
      const after = await readBack()
      const free = wasReleased === true ? await released() : undefined
      const valueBack = before === undefined || (after !== undefined && Math.abs(after - before) <= tolerance + 1e-9)
      const ok = valueBack && (wasReleased !== true || free === true)
      if (ok) return { ok, after, text: backText(after) }
      if (clock.monotonicMs() >= deadlineMs) return { ok, after, text: `it reads ${after ?? 'nothing'} ${unit}` }
      await clock.sleep(lookAgainMs)
    }
  }

  function backText(after: number | undefined): string {
    const value = after === undefined ? 'nothing to read back' : `it reads ${after} ${unit}`.trim()
    return wasReleased === true ? `given back to the device; ${value}` : `as before; ${value}`
  }

  async function putBack(): Promise<string | undefined> {
    const { safeValue } = declared!
    const old = before ?? (safeValue === 'release' ? undefined : safeValue)
    if (old !== undefined) {
      const { outcome, reason } = await write(old, 'restore')
      if (outcome === 'failed' || outcome === 'refused') return reason ?? outcome
    }
    if (wasReleased === true || (old === undefined && (declared!.release ?? []).length > 0)) {
      const { outcome, reason } = await write(undefined, 'restore')
      if (outcome === 'failed' || outcome === 'refused') return reason ?? outcome
    }
    return undefined
  }

  async function restore(withinMs: number): Promise<CheckRestored> {
    const deadlineMs = clock.monotonicMs() + withinMs
    const about = { deviceId: id, command, unit, ...(before !== undefined && { before }) }
    let text: string
    for (;;) {
      const problem = await putBack()
      const back = problem === undefined ? await isBack() : undefined
      if (back?.ok)
        return { ...about, ...(back.after !== undefined && { after: back.after }), ok: true, text: back.text }
      text = problem ?? back?.text ?? 'unknown'
      if (clock.monotonicMs() + retryMs >= deadlineMs) break
      await clock.sleep(retryMs)
    }
    const own =
      expiry.kind === 'none'
        ? 'it keeps what it was told last'
        : `its own timer acts within ${expiry.seconds} s: ${expiry.fallback}`
    return { ...about, ok: false, text: `not proven: ${text}; ${own}`.slice(0, 400) }
  }

  return {
    entry,
    command,
    before,
    readBack,
    released,
    letGo,
    async tell(value) {
      signal.throwIfAborted()
      letGo()
      const outcome = await write(value, 'test')
      signal.throwIfAborted()
      if (outcome.outcome === 'refused')
        throw new CheckEnd(armed() ? 'blocked' : 'disarmed', `${name}: ${outcome.reason ?? 'refused'}`)
      if (outcome.outcome === 'failed') throw notTaken(outcome, `${value} ${unit}`)
      options.told(value, outcome.sentMs)
      const stop = new AbortController()
      renewing = stop
      // Ends by being stopped.
      renew(value, AbortSignal.any([stop.signal, signal])).catch(() => undefined)
      return outcome.sentMs
    },
    silence() {
      const speak = entry.leaveAlone()
      alone.add(speak)
      return () => {
        alone.delete(speak)
        speak()
      }
    },
    async giveBack(withinMs) {
      letGo()
      for (const speak of alone) speak()
      alone.clear()
      try {
        return await restore(withinMs)
      } catch (error) {
        const text = `not proven: ${error instanceof Error ? error.message : String(error)}`.slice(0, 400)
        return { deviceId: id, command, unit, ...(before !== undefined && { before }), ok: false, text }
      } finally {
        outputs.unpause([id])
        await probe?.[Symbol.asyncDispose]()
      }
    },
  }
}
