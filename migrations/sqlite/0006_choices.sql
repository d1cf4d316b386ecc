-- What else of its file a network is: the inputs that are constants, as an object, and whether an activation at the end is kept.
ALTER TABLE networks ADD COLUMN fix TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(fix));
ALTER TABLE networks ADD COLUMN keep_output_activation INTEGER;
