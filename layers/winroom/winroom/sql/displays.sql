-- resolve: The screen behind a link; needs no tenant.
select tenant_id, display_id, plan, settings from wr.resolve_display(%(link_hash)s);
