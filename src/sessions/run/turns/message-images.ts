import type { Message } from '../../../agents/models/model.ts';

/** Loads the bytes of the pictures that the model sees. A picture that is gone stays without them. */
export async function withPictures(
  messages: readonly Message[],
  load: (file: string) => Promise<string | undefined>,
): Promise<readonly Message[]> {
  const shown = messages.flatMap((message, at) => (message.role === 'assistant' || !message.pictures ? [] : [at]));
  if (shown.length === 0) return messages;
  const all = [...messages];
  const loaded = shown.map(async (at) => {
    all[at] = await withOwn(all[at] as Message, load);
  });
  await Promise.all(loaded);
  return all;
}

async function withOwn(message: Message, load: (file: string) => Promise<string | undefined>): Promise<Message> {
  if (message.role === 'assistant' || !message.pictures) return message;
  const pictures = [];
  for (const picture of message.pictures) {
    const data = await load(picture.file);
    pictures.push(data === undefined ? picture : { ...picture, data });
  }
  return { ...message, pictures };
}
