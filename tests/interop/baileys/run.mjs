// Real Baileys against `sanswire serve`, alone, with another Baileys, and with our own command.
//
//   node run.mjs [scenario …]      all scenarios in order, or only those named and what they need
//   INTEROP_VERBOSE=1              Baileys' log and every line of our command on standard error
//   SANSWIRE_BIN=PATH              another build of the command
//   SANSWIRE_RECORD=FOLDER         records each run of our command
//
// Ends with `N passed, N failed` and exit status 0 only if none failed.

import { groups } from './groups.mjs'
import { kinds } from './kinds.mjs'
import { Baileys, Ours, Server, cleanUp, print, recordings } from './lib.mjs'

const run = Math.random().toString(36).slice(2, 8)
const world = {}

const assert = (holds, what) => {
    if (!holds) throw new Error(what)
}

const same = (left, right, what) => {
    assert(JSON.stringify(left) === JSON.stringify(right), `${what}: ${JSON.stringify(left)} is not ${JSON.stringify(right)}`)
}

/** Every text that was sent to somebody: each must have been shown exactly once when all is over. */
const promised = []

async function says(from, to, text) {
    promised.push({ to, text })
    return from.send(to.jid, text)
}

/** Sends texts and waits until the other side shows each of them. */
async function exchange(from, to, ...texts) {
    for (const text of texts) await says(from, to, text)
    for (const text of texts) await to.receives(text)
}

const shownOnce = (to, texts) => {
    for (const text of texts) same(to.count(text), 1, `times that ${to.name} was shown “${text}”`)
}

const inOrder = (seen, texts, who) => same(seen.filter(text => texts.includes(text)), texts, `order in which ${who} saw them`)

const talk = {
    async pair() {
        world.server = await Server.start()
        world.anna = new Baileys(world.server, `anna-${run}`)
        await world.anna.connect()
        assert(/^1555\d+@s\.whatsapp\.net$/.test(world.anna.jid), `paired as ${world.anna.jid}`)
    },

    async two_baileys() {
        const { anna, server } = world
        const ben = (world.ben = new Baileys(server, `ben-${run}`))
        await ben.connect()
        assert(ben.jid !== anna.jid, 'two accounts under one number')
        await exchange(anna, ben, 'Hello Ben, this is Anna')
        await exchange(ben, anna, 'Hello Anna, this is Ben', 'how are you?')
        const id = await says(anna, ben, 'well, thank you')
        await ben.receives('well, thank you')
        await anna.delivered(id)
    },

    async ours_pairs() {
        world.ours = new Ours(world.server, `carl-${run}`)
        await world.ours.pair()
        assert(world.ours.jid !== world.anna.jid, 'two accounts under one number')
    },

    async baileys_and_ours() {
        const { anna, ours } = world
        ours.listen()
        await exchange(anna, ours, 'Baileys to sanswire: first', 'Baileys to sanswire: second, äöü 😀')
        await ours.stop()
        await exchange(ours, anna, 'sanswire to Baileys: first', 'sanswire to Baileys: second, äöü 😀')
        ours.listen()
        await exchange(anna, ours, 'Baileys to sanswire: third')
        await ours.stop()
    },

    async reconnects() {
        const { anna, ben, ours } = world
        await anna.reconnect()
        await exchange(anna, ben, 'Anna is back')
        await ben.reconnect()
        await exchange(anna, ben, 'so is Ben')
        ours.listen()
        await exchange(anna, ours, 'Anna is back, Carl')
        await ours.crash()
        ours.listen()
        await exchange(anna, ours, 'did you crash, Carl?')
        await ours.stop()
        await exchange(ours, anna, 'yes, and I am back')
    },

    async baileys_was_offline() {
        const { anna, ben, ours } = world
        const fromBen = ['while you were away 1', 'while you were away 2', 'while you were away 3']
        const fromOurs = ['Carl while you were away 1', 'Carl while you were away 2']
        await anna.disconnect()
        for (const text of fromBen) await says(ben, anna, text)
        for (const text of fromOurs) await says(ours, anna, text)
        await anna.connect()
        for (const text of [...fromBen, ...fromOurs]) await anna.receives(text)
        inOrder(anna.texts(), fromBen, anna.name)
        inOrder(anna.texts(), fromOurs, anna.name)
        await anna.reconnect()
        await exchange(ben, anna, 'nothing came twice?')
        shownOnce(anna, [...fromBen, ...fromOurs])
    },

    async ours_was_offline() {
        const { anna, ben, ours } = world
        const fromAnna = ['Carl, read this later 1', 'Carl, read this later 2', 'Carl, read this later 3']
        const fromBen = ['Carl, this is Ben 1', 'Carl, this is Ben 2']
        for (const text of fromAnna) await says(anna, ours, text)
        for (const text of fromBen) await says(ben, ours, text)
        ours.listen()
        for (const text of [...fromAnna, ...fromBen]) await ours.receives(text)
        inOrder(ours.shown(fromAnna), fromAnna, ours.name)
        inOrder(ours.shown(fromBen), fromBen, ours.name)
        await ours.stop()
        ours.listen()
        await exchange(anna, ours, 'nothing came twice, Carl?')
        await ours.stop()
        shownOnce(ours, [...fromAnna, ...fromBen])
    },

    async each_message_was_shown_once() {
        for (const { to, text } of promised) same(to.count(text), 1, `times that ${to.name} was shown “${text}”`)
        for (const account of [world.anna, world.ben]) {
            const broken = account.log.items.filter(item => item.stub).map(item => item.id)
            const mended = broken.filter(id => account.log.items.some(item => item.id === id && item.text))
            same(mended, broken, `messages that ${account.name} could not decrypt at first, all mended by a retry`)
        }
    },
}

/** Longest time of one scenario, in milliseconds. */
const LIMIT = 180_000

const tools = { run, assert, same }
const scenarios = { ...talk, ...kinds(world, tools), ...groups(world, tools) }

const chosen = process.argv.slice(2)
const last = Math.max(...chosen.map(name => Object.keys(scenarios).indexOf(name)))
if (chosen.length && last < 0) {
    print(`no such scenario; there are: ${Object.keys(scenarios).join(' ')}`)
    process.exit(2)
}

let passed = 0
let failed = 0
for (const [index, [name, scenario]] of Object.entries(scenarios).entries()) {
    if (chosen.length && index > last) break
    if (failed) {
        failed += 1
        print(`FAIL ${name}: needs the scenario that failed before`)
        continue
    }
    const start = Date.now()
    recordings.scenario = name
    let timer
    const deadline = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error(`not done within ${LIMIT / 1000} s`)), LIMIT)
    })
    try {
        await Promise.race([scenario(), deadline])
        passed += 1
        print(`ok   ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`)
    } catch (error) {
        failed += 1
        print(`FAIL ${name}: ${error.message}`)
        for (const line of world.server?.command.errors.slice(-20) ?? []) print(`     server: ${line}`)
    } finally {
        clearTimeout(timer)
    }
}

cleanUp()
print(`${passed} passed, ${failed} failed`)
process.exit(failed ? 1 : 0)
