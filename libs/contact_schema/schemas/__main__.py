from contact_schema.schemas import write_all

write_all()
