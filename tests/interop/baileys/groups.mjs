// Groups of Baileys and our own command: who is in, who reads what, and what happens when somebody loses a key.

import { Baileys, Ours, Talking } from './lib.mjs'

/** `world` holds the accounts of the scenarios before. */
export const groups = (world, { run, assert, same }) => ({
    async group_of_three() {
        const { anna, ben, ours } = world
        const carl = (world.carl = new Talking(ours))
        await carl.sees('link', 'ready', event => event === 'ready' || event.ready !== undefined)
        const { id } = await anna.socket.groupCreate(`friends-${run}`, [ben.jid, ours.jid])
        world.group = id
        await ben.sees('the group', event => event.kind === 'group' && event.group.id === id)
        await carl.sees('group', 'the group', event => JSON.stringify(event).includes(id))
        await anna.send(id, 'welcome everybody')
        await ben.receives('welcome everybody')
        await carl.receives('text', 'welcome', text => text.body === 'welcome everybody')
        await carl.send(id, { text: { body: 'thank you, says Carl' } })
        await anna.receives('thank you, says Carl')
        await ben.receives('thank you, says Carl')
        await ben.send(id, 'me too, says Ben')
        await anna.receives('me too, says Ben')
        await carl.receives('text', "Ben's", text => text.body === 'me too, says Ben')
    },

    async keys_go_out_once() {
        const { anna, ben, carl, group } = world
        for (const text of ['once', 'twice', 'three times']) {
            await carl.send(group, { text: { body: `${text}, says Carl` } })
            await anna.receives(`${text}, says Carl`)
            await ben.receives(`${text}, says Carl`)
        }
    },

    async somebody_joins_later() {
        const { anna, carl, group, server } = world
        const dora = (world.dora = new Baileys(server, `dora-${run}`))
        await dora.connect()
        await anna.socket.groupParticipantsUpdate(group, [dora.jid], 'add')
        await dora.sees('the group', event => event.kind === 'group' && event.group.id === group)
        await carl.sees('group', 'Dora', event => JSON.stringify(event).includes('added'))
        await carl.send(group, { text: { body: 'welcome Dora' } })
        await dora.receives('welcome Dora')
        await dora.send(group, 'hello, I am Dora')
        await anna.receives('hello, I am Dora')
        await carl.receives('text', "Dora's", text => text.body === 'hello, I am Dora')
    },

    async somebody_is_removed() {
        const { anna, ben, carl, dora, group } = world
        await anna.socket.groupParticipantsUpdate(group, [ben.jid], 'remove')
        await carl.sees('group', 'Ben is gone', event => JSON.stringify(event).includes('removed'))
        await carl.send(group, { text: { body: 'without Ben' } })
        await dora.receives('without Ben')
        await anna.receives('without Ben')
        same(ben.count('without Ben'), 0, 'times that Ben, who was removed, was shown it')
    },

    async reactions_in_the_group() {
        const { anna, carl, dora, group } = world
        const of = anna.message('without Ben')
        await anna.socket.sendMessage(group, { react: { text: '👍', key: of.from } })
        const reaction = await carl.receives('reaction', "Anna's", reaction => reaction.emoji === '👍' || reaction.text === '👍')
        assert(JSON.stringify(reaction).includes(of.id), `a reaction to another message: ${JSON.stringify(reaction)}`)
        const hello = await carl.receives('text', "Dora's", text => text.body === 'hello, I am Dora')
        await carl.send(group, { reaction: { to: { id: hello.id, sender: hello.sender.replace(/:\d+@/, '@') }, emoji: '🎉' } })
        await dora.sees("Carl's reaction", event => event.kind === 'reaction' && event.reaction.text === '🎉')
    },

    async baileys_lost_its_sessions() {
        const { carl, dora, group } = world
        assert((await dora.loseSessions()) > 0, 'Dora had no session to lose')
        await carl.send(dora.jid, { text: { body: 'can you read this, Dora?' } })
        await dora.receives('can you read this, Dora?')
        await carl.send(group, { text: { body: 'and this in the group?' } })
        await dora.receives('and this in the group?')
    },

    async ours_lost_its_sessions() {
        const { anna, dora, group, ours } = world
        await world.carl.stop()
        ours.copyStore()
        world.carl = new Talking(ours)
        await world.carl.send(dora.jid, { text: { body: 'a step ahead' } })
        await dora.receives('a step ahead')
        await dora.send(ours.jid, 'and one back')
        await world.carl.receives('text', "Dora's", text => text.body === 'and one back')
        await world.carl.stop()
        ours.putBackStore()
        world.carl = new Talking(ours)
        await anna.send(ours.jid, 'what do you remember, Carl?')
        await world.carl.receives('text', "Anna's", text => text.body === 'what do you remember, Carl?')
        await dora.send(group, 'and in the group?')
        await world.carl.receives('text', "Dora's", text => text.body === 'and in the group?')
        await world.carl.send(group, { text: { body: 'all of you' } })
        await anna.receives('all of you')
        await dora.receives('all of you')
    },

    async a_device_joins_later() {
        const { anna, carl, group, server } = world
        // Another companion of Carl's account: it links with the phone that scanned the first one.
        const second = (world.second = new Ours(server, `carl-${run}`))
        await second.pair()
        same(second.jid, world.ours.jid, 'account of the second device')
        world.carl2 = new Talking(second)
        await anna.send(group, 'hello to all of your devices, Carl')
        await carl.receives('text', "Anna's", text => text.body === 'hello to all of your devices, Carl')
        await world.carl2.receives('text', "Anna's", text => text.body === 'hello to all of your devices, Carl')
        await world.carl2.send(group, { text: { body: 'from my second device' } })
        await anna.receives('from my second device')
        await carl.receives('text', 'the own copy', text => text.body === 'from my second device')
    },

    async the_group_ends() {
        for (const talking of [world.carl, world.carl2]) await talking?.stop()
    },
})
