drop function wr.enqueue(uuid[], uuid[], text, text);
