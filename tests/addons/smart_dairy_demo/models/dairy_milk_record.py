from odoo import api, fields, models


class DairyMilkRecord(models.Model):
    """What one animal gave at one milking."""

    _name = "dairy.milk.record"
    _description = "Milk Record"
    _order = "date desc, id desc"

    animal_id = fields.Many2one(
        "dairy.animal", required=True, ondelete="cascade", index=True
    )
    date = fields.Date(required=True, default=fields.Date.context_today)
    session = fields.Selection(
        [("morning", "Morning"), ("evening", "Evening")],
        required=True,
        default="morning",
    )
    liters = fields.Float(required=True, digits=(8, 2), aggregator="sum")
    fat_percent = fields.Float("Fat (%)", digits=(4, 2), aggregator="avg")

    # Serves both the order and every question about a range of days.
    _date_index = models.Index("(date DESC, id DESC)")
    _milking_unique = models.Constraint(
        "UNIQUE(animal_id, date, session)",
        "This milking of the animal is recorded already.",
    )
    _liters_range = models.Constraint(
        "CHECK(liters >= 0 AND liters <= 60)",
        "One milking gives between 0 and 60 liters.",
    )
    _fat_percent_range = models.Constraint(
        "CHECK(fat_percent >= 0 AND fat_percent <= 15)",
        "Fat is between 0 and 15 percent.",
    )

    @api.depends("animal_id", "date", "session")
    def _compute_display_name(self):
        for record in self:
            record.display_name = (
                f"{record.animal_id.display_name} {record.date} {record.session}"
            )
