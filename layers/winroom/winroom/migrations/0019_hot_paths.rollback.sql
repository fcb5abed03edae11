drop function wr.receive_sales(uuid, text, integer, json, text, json);
drop function wr.record_sales(json, text);
