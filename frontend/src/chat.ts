/** The entry of the chat page. */
import { Conversation } from "./chat/conversation.ts";

const root = document.querySelector<HTMLElement>("[data-chat]");
if (root) new Conversation(root);
