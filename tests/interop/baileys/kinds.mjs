// Kinds of messages other than text, between Baileys and our own command, and what becomes of them.

import * as baileys from 'baileys'

import { Talking } from './lib.mjs'

export const kinds = (world, { assert, same }) => ({
    async reactions() {
        const { anna, ours } = world
        const carl = (world.carl = new Talking(ours))
        const id = await carl.send(anna.jid, { text: { body: 'what do you think of this?' } })
        await anna.receives('what do you think of this?')
        const key = anna.message('what do you think of this?').from
        await anna.socket.sendMessage(ours.jid, { react: { text: '😀', key } })
        const reaction = await carl.receives('reaction', "Anna's", reaction => JSON.stringify(reaction).includes('😀'))
        assert(JSON.stringify(reaction).includes(id), 'a reaction to our message')
        await anna.send(ours.jid, 'and you?')
        const asked = await carl.receives('text', "Anna's", text => text.body === 'and you?')
        await carl.send(anna.jid, { reaction: { to: { id: asked.id }, emoji: '🤔' } })
        const seen = await anna.sees("Carl's reaction", event => event.kind === 'reaction' && event.reaction.text === '🤔')
        same(seen.key.id, asked.id, 'message that the reaction is on')
        await carl.send(anna.jid, { reaction: { to: { id: asked.id }, emoji: '' } })
        await anna.sees('the reaction taken back', event => event.kind === 'reaction' && event.reaction.text === '')
    },

    async edits() {
        const { anna, carl, ours } = world
        const sent = await anna.sendContent(ours.jid, { text: 'a mistkae' })
        await carl.receives('text', "Anna's", text => text.body === 'a mistkae')
        await anna.sendContent(ours.jid, { text: 'a mistake', edit: sent.key })
        const edit = await carl.receives('edit', "Anna's", edit => JSON.stringify(edit).includes('a mistake'))
        assert(JSON.stringify(edit).includes(sent.key.id), 'names the message that it replaces')
        const id = await carl.send(anna.jid, { text: { body: 'mine as wlel' } })
        await anna.receives('mine as wlel')
        await carl.send(anna.jid, { edit: { of: { from_me: true, id }, content: { text: { body: 'mine as well' } } } })
        await anna.sees("Carl's edit", event => event.kind === 'update' && JSON.stringify(event.update).includes('mine as well'))
    },

    async revokes() {
        const { anna, carl, ours } = world
        const sent = await anna.sendContent(ours.jid, { text: 'forget this' })
        await carl.receives('text', "Anna's", text => text.body === 'forget this')
        await anna.sendContent(ours.jid, { delete: sent.key })
        const revoke = await carl.receives('revoke', "Anna's")
        assert(JSON.stringify(revoke).includes(sent.key.id), 'names the message that is deleted')
        const id = await carl.send(anna.jid, { text: { body: 'forget this too' } })
        await anna.receives('forget this too')
        await carl.send(anna.jid, { revoke: { of: { from_me: true, id } } })
        await anna.sees("Carl's revoke", event => event.kind === 'update' && event.key.id === id && event.update.message === null)
    },

    async polls() {
        const { anna, carl, ours } = world
        const poll = await anna.sendContent(ours.jid, { poll: { name: 'Where?', values: ['here', 'there'], selectableCount: 1 } })
        const asked = await carl.receives('poll', "Anna's", poll => poll.name === 'Where?')
        await carl.send(anna.jid, { poll_vote: { poll: { id: asked.id }, options: ['there'] } })
        const { content, key } = await anna.sees("Carl's vote", event => event.content?.pollUpdateMessage)
        const names = jid => [jid, anna.state.creds.me.lid, ours.jid].filter(Boolean).map(name => name.replace(/:\d+@/, '@'))
        const voters = [...names(key.remoteJid), key.remoteJidAlt].filter(Boolean)
        const creators = names(anna.jid)
        const pollEncKey = poll.message.messageContextInfo.messageSecret
        const read = creators.flatMap(pollCreatorJid => voters.flatMap(voterJid => {
            try {
                return [baileys.decryptPollVote(content.pollUpdateMessage.vote, { pollCreatorJid, pollMsgId: poll.key.id, pollEncKey, voterJid })]
            } catch {
                return []
            }
        }))
        same(read.length > 0 && read[0].selectedOptions.length, 1, 'options of the vote that Baileys read')
    },

    async quotes_and_places() {
        const { anna, carl, ours } = world
        const sent = await anna.sendContent(ours.jid, { text: 'shall we meet?' })
        const asked = await carl.receives('text', "Anna's", text => text.body === 'shall we meet?')
        const quote = { id: asked.id, sender: asked.sender.replace(/:\d+@/, '@'), content: { text: { body: 'shall we meet?' } } }
        await carl.send(anna.jid, { text: { body: 'gladly' } }, { quote })
        await anna.receives('gladly')
        const context = anna.message('gladly').content.extendedTextMessage.contextInfo
        same(context.stanzaId, sent.key.id, 'message that is quoted')
        await anna.sendContent(ours.jid, { location: { degreesLatitude: 52.5, degreesLongitude: 13.4, name: 'here' } })
        await carl.receives('location', "Anna's")
        await anna.sendContent(ours.jid, { contacts: { displayName: 'Eve', contacts: [{ vcard: 'BEGIN:VCARD\nVERSION:3.0\nFN:Eve\nEND:VCARD' }] } })
        await carl.receives('contacts', "Eve's")
    },

    async receipts() {
        const { anna, carl, ours } = world
        const id = await carl.send(anna.jid, { text: { body: 'read this' } })
        await anna.receives('read this')
        await carl.sees('send', 'delivered', send => send.id === id && send.state.delivered !== undefined)
        await anna.socket.readMessages([anna.message('read this').from])
        await carl.sees('send', 'read', send => send.id === id && send.state.read !== undefined)
        const theirs = await anna.send(ours.jid, 'I read yours')
        const received = await carl.receives('text', "Anna's", text => text.body === 'I read yours')
        await carl.call('message.mark_read', { chat: received.chat, ids: [received.id] })
        await anna.log.until('read status', 45_000, () => (anna.statuses.get(theirs) ?? 0) >= 4)
    },

    async presence_and_typing() {
        const { anna, carl, ours } = world
        await anna.socket.presenceSubscribe(ours.jid)
        const typing = new Promise(resolve => anna.socket.ev.on('presence.update', update => JSON.stringify(update).includes('composing') && resolve()))
        await carl.call('chat.state', { chat: anna.jid, state: 'composing' })
        await typing
        await anna.socket.sendPresenceUpdate('composing', ours.jid)
        await carl.sees('chat_state', "Anna's", state => JSON.stringify(state).includes('composing'))
    },

    async the_conversation_ends() {
        await world.carl.stop()
    },
})
