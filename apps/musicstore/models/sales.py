"""Who buys, who helps them, and what was bought."""

from decimal import Decimal

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from apps.musicstore.models.catalogue import NOT_NEGATIVE, Track
from apps.musicstore.phones import national_column


class Person(models.Model):
    """How to reach somebody."""

    id = models.AutoField(primary_key=True)
    first_name = models.CharField(max_length=40)
    last_name = models.CharField(max_length=40)
    address = models.CharField(max_length=70, blank=True)
    city = models.CharField(max_length=40, blank=True)
    state = models.CharField(max_length=40, blank=True)
    country = models.CharField(max_length=40, blank=True)
    postal_code = models.CharField(max_length=10, blank=True)
    phone = models.CharField(max_length=24, blank=True)
    fax = models.CharField(max_length=24, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.full_name

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}"


class Employee(Person):
    title = models.CharField(max_length=30, blank=True)
    reports_to = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="reports")
    birth_date = models.DateField(null=True, blank=True)
    hire_date = models.DateField(null=True, blank=True)
    email = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["last_name", "first_name", "id"]
        constraints = [
            models.CheckConstraint(condition=~Q(reports_to=F("id")), name="musicstore_employee_not_own_superior")
        ]


class Customer(Person):
    """E-mail addresses are one customer's; a telephone may be shared by a family."""

    company = models.CharField(max_length=80, blank=True)
    # Not an EmailField: Chinook has addresses that its validator does not take (letters beyond ASCII before the @).
    email = models.CharField(max_length=60)
    support_rep = models.ForeignKey(
        Employee, on_delete=models.SET_NULL, null=True, blank=True, related_name="customers"
    )
    national_phone = models.GeneratedField(
        expression=national_column("phone"), output_field=models.TextField(), db_persist=True, editable=False
    )

    class Meta:
        ordering = ["last_name", "first_name", "id"]
        indexes = [models.Index(fields=["national_phone"], name="musicstore_customer_by_phone")]
        constraints = [
            models.UniqueConstraint(Lower("email"), name="musicstore_customer_email_is_one"),
            models.CheckConstraint(condition=Q(email__contains="@"), name="musicstore_customer_has_an_email"),
        ]


class Invoice(models.Model):
    id = models.AutoField(primary_key=True)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="invoices", db_index=False)
    invoice_date = models.DateTimeField()
    billing_address = models.CharField(max_length=70, blank=True)
    billing_city = models.CharField(max_length=40, blank=True)
    billing_state = models.CharField(max_length=40, blank=True)
    billing_country = models.CharField(max_length=40, blank=True)
    billing_postal_code = models.CharField(max_length=10, blank=True)
    total = models.DecimalField(max_digits=10, decimal_places=2, validators=NOT_NEGATIVE)

    class Meta:
        ordering = ["-invoice_date", "-id"]
        indexes = [models.Index(fields=["customer", "-invoice_date", "-id"], name="musicstore_invoice_by_customer")]
        constraints = [models.CheckConstraint(condition=Q(total__gte=0), name="musicstore_invoice_total_not_negative")]

    def __str__(self) -> str:
        return f"Invoice {self.pk}"


class InvoiceLine(models.Model):
    """A track on an invoice, at the price it was sold at."""

    id = models.AutoField(primary_key=True)
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    track = models.ForeignKey(Track, on_delete=models.PROTECT, related_name="invoice_lines")
    unit_price = models.DecimalField(max_digits=10, decimal_places=2, validators=NOT_NEGATIVE)
    quantity = models.PositiveIntegerField(validators=[MinValueValidator(1)])

    class Meta:
        ordering = ["invoice", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="musicstore_line_price_not_negative"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="musicstore_line_of_one_at_least"),
        ]

    def __str__(self) -> str:
        return f"Line {self.pk} of invoice {self.invoice_id}"

    @property
    def amount(self) -> Decimal:
        return self.unit_price * self.quantity
